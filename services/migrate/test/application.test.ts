import { fileURLToPath } from 'node:url';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { freePort, supervise } from '@stowage/local';
import { clientConfig } from '../../../test/support/aws.ts';
import { type Client, createClient } from '../../../test/support/client.ts';
import { type FreshDatabase, startFreshDatabase } from './support.ts';

const SecretId = 'stowage/application';
const RECORDS = 20_000;
const CSV = `iata,city\nSFO,San Francisco\nbad\n${'JFK,New York\n'.repeat(RECORDS - 2)}`;

let database: FreshDatabase;
let secrets: SecretsManagerClient;
beforeAll(async () => {
  database = await startFreshDatabase();
  await database.migrate();
  const { environment, application } = database;
  secrets = new SecretsManagerClient(clientConfig(environment, 'SECRETS_MANAGER'));
  const SecretString = JSON.stringify(application);
  await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString }));
});
afterAll(async () => {
  secrets.destroy();
  await database.close();
});

/** Api and worker, each a process, as the application's role and nobody else. */
async function start(): Promise<{ client: Client; complaints: string[] }> {
  const ports = { api: await freePort(), worker: await freePort() };
  const service = (name: 'api' | 'worker', own: Record<string, string>) => ({
    name,
    script: fileURLToPath(new URL(`../../${name}/src/main.ts`, import.meta.url)),
    healthUrl: `http://127.0.0.1:${ports[name]}/health`,
    environment: { ...database.environment, DATABASE_SECRET_ID: SecretId, ...own },
  });
  const complaints: string[] = [];
  const services = supervise({
    services: [
      service('api', { PORT: String(ports.api), ADMIN_PORT: '0' }),
      // Small chunks: some 16 messages, worked on by several connections.
      service('worker', { ADMIN_PORT: String(ports.worker), CHUNK_BYTES: '16384', POLL_WAIT_SECONDS: '1' }),
    ],
    onLine: (name, line) => /"level":"(error|fatal)"/.test(line) && complaints.push(`${name} ${line}`),
    onEnd: (name, how) => complaints.push(`${name} ${how}`),
  });
  onTestFinished(() => services.stop(10_000));
  await services.ready;
  return { client: createClient(`http://127.0.0.1:${ports.api}`), complaints };
}

/** A dataset from its upload to its end, by every query that there is. */
async function liveOnce(client: Client): Promise<void> {
  const { id, status, progress } = await client.load('airports', CSV);
  expect({ status, ...progress }).toMatchObject({
    status: 'ready',
    rowsLoaded: RECORDS - 1,
    rowsRejected: 1,
  });
  const filtered = await client.json('GET', `/v1/datasets/${id}/rows?where.iata=SFO`);
  expect(filtered).toMatchObject({ items: [{ row: 1 }] });
  expect(await client.rejects(id)).toHaveLength(1);
  await client.json('GET', `/v1/datasets/${id}/profile`);
  await client.remove(id);
  await expect
    .poll(() => client.json('GET', `/v1/datasets/${id}`, undefined, 404), { timeout: 20_000 })
    .toBeTruthy();
}

/** What no dataset leaves behind. */
async function remains(): Promise<object[]> {
  return database.query(
    database.application,
    `SELECT id::text FROM stowage.datasets UNION ALL SELECT dataset_id::text FROM stowage.chunks
     UNION ALL SELECT dataset_id::text FROM stowage.rejects
     UNION ALL SELECT tablename FROM pg_tables WHERE schemaname = 'dataset_rows'`,
  );
}

test('a dataset is loaded, read and deleted by the application’s role', async () => {
  const { client, complaints } = await start();
  await liveOnce(client);
  expect(await remains()).toEqual([]);
  expect(complaints).toEqual([]);
});

test('tasks that start when the role has rotated its password, and the secret does not say so yet, do the same', async () => {
  const rotated = { ...database.application, password: 'rotated-hush' };
  await secrets.send(
    new PutSecretValueCommand({
      SecretId,
      SecretString: JSON.stringify(rotated),
      VersionStages: ['AWSPENDING'],
    }),
  );
  await database.query(database.application, `ALTER ROLE stowage_app PASSWORD '${rotated.password}'`);
  const { client, complaints } = await start();
  await liveOnce(client);
  expect(complaints).toEqual([]);
});
