import { randomUUID } from 'node:crypto';
import pg from 'pg';
import type { Certified } from './certificates.ts';
import { until } from './support.ts';

/** Lets a Postgres serve TLS with a certificate. Resolves once new connections meet it. */
export async function serveTls(superuser: pg.ClientConfig, { certificate, key }: Certified): Promise<void> {
  const name = randomUUID();
  await once(superuser, async (client) => {
    // Postgres itself writes the files: it insists on owning its key.
    for (const [file, pem] of Object.entries({ [`${name}.crt`]: certificate, [`${name}.key`]: key })) {
      const lines = `SELECT unnest(string_to_array('${pem.trim()}', E'\\n'))`;
      await client.query(`COPY (${lines}) TO PROGRAM 'umask 077; cat > ${file}'`);
    }
    await client.query(`ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`);
    await client.query(`ALTER SYSTEM SET ssl_key_file = '${name}.key'`);
    await client.query('ALTER SYSTEM SET ssl = on');
    await client.query('SELECT pg_reload_conf()');
  });
  await until(() =>
    once(superuser, async (client) => {
      const { rows } = await client.query<{ ssl_cert_file: string }>('SHOW ssl_cert_file');
      return rows[0]?.ssl_cert_file === `${name}.crt`;
    }),
  );
}

async function once<T>(connection: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
