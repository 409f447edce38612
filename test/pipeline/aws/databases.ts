import { randomUUID } from 'node:crypto';
import { attributeOf } from '../../support/cloudformation/physical.ts';
import type { Authority } from '../../../packages/postgres/test/certificates.ts';
import { docker, type Place, startContainer } from '../docker.ts';
import type { Deployed, Provider } from './cloudformation.ts';
import type { Secrets } from './secrets.ts';

/** Keys are for Postgres' eyes only, or it does not start. */
const START = `
printf '%s' "$TLS_KEY" >/tmp/key.pem && printf '%s' "$TLS_CERTIFICATE" >/tmp/certificate.pem
chown postgres /tmp/key.pem && chmod 600 /tmp/key.pem && unset TLS_KEY
exec docker-entrypoint.sh postgres -c ssl=on -c ssl_key_file=/tmp/key.pem -c ssl_cert_file=/tmp/certificate.pem`;

/** RDS: a database is a real Postgres, in a container under the very name that RDS gives it, and with TLS. */
export function createDatabases(options: { place: Place; authority: Authority; secrets: Secrets }) {
  const { place, authority, secrets } = options;
  const containers = new Map<string, string>();

  const attribute = ({ stack, logicalId, resource }: Deployed, name: string): string =>
    String(
      attributeOf(logicalId, name, resource, { name: stack, region: 'us-east-1', accountId: '123456789012' }),
    );

  const instance: Provider = {
    async provide(deployed, previous) {
      if (previous) return;
      const { DBName, MasterUsername } = deployed.resource.Properties;
      const host = attribute(deployed, 'Endpoint.Address');
      const password = randomUUID();
      const { key, certificate } = authority.issue(host);
      const env = {
        POSTGRES_USER: String(MasterUsername),
        POSTGRES_PASSWORD: password,
        POSTGRES_DB: String(DBName),
        TLS_KEY: key,
        TLS_CERTIFICATE: certificate,
      };
      const variables = Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
      const container = await startContainer(place, [
        '--network-alias',
        host,
        ...variables,
        '--tmpfs',
        '/var/lib/postgresql/data',
        '--entrypoint',
        'sh',
        'postgres:17',
        '-c',
        START,
      ]);
      containers.set(host, container);
      secrets.put(attribute(deployed, 'MasterUserSecret.SecretArn'), { username: MasterUsername, password });
      await accepts(container, String(MasterUsername));
    },
  };

  const attachment: Provider = {
    async provide({ stack, resource }) {
      const { SecretId } = resource.Properties;
      // The only database of the stack.
      const host = [...containers.keys()].find((name) =>
        name.startsWith(`${stack.replace(/-database$/, '')}.`),
      );
      secrets.attach(String(SecretId), { engine: 'postgres', host, port: 5432, dbname: 'stowage' });
    },
  };

  /** Runs a statement as the administrator. */
  async function query(environment: string, sql: string): Promise<string> {
    const [, container] = [...containers].find(([host]) => host.startsWith(`stowage-${environment}.`)) ?? [];
    if (container === undefined) throw new Error(`there is no database of ${environment}`);
    return docker(['exec', container, 'psql', '-U', 'stowage_admin', '-d', 'stowage', '-Atc', sql]);
  }

  return { providers: { instance, attachment }, query };
}

export type Databases = ReturnType<typeof createDatabases>;

/** By TCP: while the image sets the database up, Postgres listens on its socket only. */
async function accepts(container: string, user: string): Promise<void> {
  const ready = `for i in $(seq 300); do pg_isready -q -h 127.0.0.1 -U ${user} && exit 0; sleep 0.1; done; exit 1`;
  await docker(['exec', container, 'sh', '-c', ready]);
}
