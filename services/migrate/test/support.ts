import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startStack } from '@stowage/local';
import { createAuthority } from '../../../packages/postgres/test/certificates.ts';
import { serveTls } from '../../../packages/postgres/test/serve-tls.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const script = `${root}services/migrate/src/main.ts`;

/** What a secret of a user of the database holds. */
export interface Secret {
  username: string;
  password: string;
  [member: string]: unknown;
}

/** The embedded stack with a database as RDS hands one over: TLS, a master user who is no superuser, and nobody else. */
export interface FreshDatabase {
  /** For services, without the address of the database. */
  environment: Record<string, string>;
  application: Secret;
  /** Runs the migration task, as ECS gives it its secrets, to its end. */
  migrate: (more?: Record<string, string>) => Promise<{ code: unknown; output: string }>;
  /** Runs a statement as that user, on a connection of its own. */
  query: (login: Secret, text: string) => Promise<object[]>;
  close: () => Promise<void>;
}

export async function startFreshDatabase(): Promise<FreshDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-migrate-'));
  const template = readFileSync(`${root}infra/storage.yml`, 'utf8');
  const stack = await startStack({ stateDir: join(folder, 'state'), template, fsync: false });
  const { url, port } = stack.postgres;
  const authority = createAuthority('Test Authority');
  const authorityFile = join(folder, 'authority.pem');
  writeFileSync(authorityFile, authority.certificate);
  await serveTls({ connectionString: url }, authority.issue('localhost'));
  await run({ connectionString: url }, "CREATE ROLE master LOGIN CREATEROLE CREATEDB PASSWORD 'master-hush'");
  await run({ connectionString: url }, 'CREATE DATABASE fresh OWNER master');

  const secret = (username: string) => {
    const address = { engine: 'postgres', host: 'localhost', port, dbname: 'fresh' };
    return { ...address, username, password: `${username}-hush` };
  };
  const application = secret('stowage_app');
  const environment = {
    ...stack.environment,
    NODE_ENV: 'test',
    NODE_EXTRA_CA_CERTS: authorityFile,
    DATABASE_SECRET_ID: '',
    DATABASE_TLS: 'verify-full',
  };
  const ofTask = {
    ...environment,
    DATABASE_URL: JSON.stringify(secret('stowage_migrate')),
    DATABASE_ADMIN: JSON.stringify({ username: 'master', password: 'master-hush' }),
    DATABASE_APPLICATION: JSON.stringify(application),
  };
  return {
    environment,
    application,
    migrate: (more = {}) =>
      new Promise((resolve) => {
        const env = { ...ofTask, ...more };
        execFile(process.execPath, [script], { env, timeout: 30_000 }, (error, output) =>
          resolve({ code: error?.code ?? 0, output }),
        );
      }),
    query: ({ username: user, password }, text) =>
      run({ host: '127.0.0.1', port, database: 'fresh', user, password }, text),
    async close() {
      await stack.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function run(connection: pg.ClientConfig, text: string): Promise<object[]> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query<object>(text)).rows;
  } finally {
    await client.end();
  }
}
