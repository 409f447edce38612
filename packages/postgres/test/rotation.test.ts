import {
  CreateSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { startSecretsManager } from '@stowage/local';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { connectionSource, type Database, isDatabaseUnavailable } from '../src/index.ts';
import { failureOf, keepLog, startServer, until } from './support.ts';

const SecretId = 'stowage/database';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
const server = await startServer();
const admin = await server.open({ applicationName: 'admin' });
const standIn = await startSecretsManager({ credentials });
const client = new SecretsManagerClient({ endpoint: standIn.url, region: 'us-east-1', credentials });
let reads = 0;
client.middlewareStack.add(
  (next, context) => (args) => {
    if (context.commandName === 'GetSecretValueCommand') reads += 1;
    return next(args);
  },
  { step: 'initialize' },
);
await admin.query("CREATE ROLE app LOGIN PASSWORD 'first'");
await admin.query("CREATE ROLE app_clone LOGIN PASSWORD 'clone'");
await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: secret('app', 'first') }));
afterAll(async () => {
  client.destroy();
  await standIn.close();
});
beforeEach(async () => {
  await admin.query("ALTER ROLE app LOGIN PASSWORD 'first'");
  await put('app', 'first');
  reads = 0;
});

/** As RDS keeps it. */
function secret(username: string, password: string): string {
  const { host, port, database: dbname } = server.connection;
  return JSON.stringify({ host, port, dbname, username, password });
}

const put = (username: string, password: string, stage = 'AWSCURRENT') =>
  client.send(
    new PutSecretValueCommand({ SecretId, SecretString: secret(username, password), VersionStages: [stage] }),
  );

/**
 * As Secrets Manager's rotation of one user does: the password is changed in Postgres, and the secret still says the
 * one before.
 *
 * @returns what makes the new password the current one
 */
async function beginRotation(password: string): Promise<() => Promise<void>> {
  const { VersionId: from } = await client.send(new GetSecretValueCommand({ SecretId }));
  const { VersionId: to } = await put('app', password, 'AWSPENDING');
  await admin.query(`ALTER ROLE app PASSWORD '${password}'`);
  reads = 0;
  const move = (VersionStage: string, labels: object) =>
    client.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, ...labels }));
  return async () => {
    await move('AWSCURRENT', { MoveToVersionId: to, RemoveFromVersionId: from });
    await move('AWSPENDING', { RemoveFromVersionId: to });
  };
}

function open(applicationName: string, log = keepLog().log): Promise<Database> {
  const source = connectionSource({ DATABASE_SECRET_ID: SecretId }, client);
  return server.open({ source, applicationName, maxConnections: 16, log });
}

/** Queries one after the other on `lanes` connections at once, for a while; tells what failed. */
async function stream(database: Database, lanes: number, forMs: number): Promise<unknown[]> {
  const failures: unknown[] = [];
  const end = performance.now() + forMs;
  const lane = async () => {
    while (performance.now() < end) {
      await database.query('SELECT pg_sleep(0.01)').catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return failures;
}

const connectionsOf = async (applicationName: string) =>
  (
    await admin.query<{ usename: string }>(
      'SELECT usename FROM pg_stat_activity WHERE application_name = $1',
      [applicationName],
    )
  ).map(({ usename }) => usename);

test('no query fails when the password is rotated under a stream of them', async () => {
  const { log, lines } = keepLog();
  const database = await open('rotated', log);
  const before = stream(database, 1, 500); // on one connection, which stays
  await admin.query("ALTER ROLE app PASSWORD 'second'");
  await put('app', 'second');
  const after = stream(database, 8, 300); // for which new ones are made
  expect(await before).toEqual([]);
  expect(await after).toEqual([]);
  expect((await connectionsOf('rotated')).length).toBeGreaterThan(1);
  expect(lines.join('')).toContain('Postgres refused the password: reading the secret again');
  expect(lines.join('')).not.toMatch(/first|second/);
});

test('a rotation between two users is followed too', async () => {
  const database = await open('alternating');
  await database.query('SELECT 1');
  await put('app_clone', 'clone');
  await admin.query('ALTER ROLE app NOLOGIN');
  expect(await stream(database, 4, 100)).toEqual([]);
  // The connection that was open stays; how many new ones there are depends on how soon it is free again.
  expect(new Set(await connectionsOf('alternating'))).toEqual(new Set(['app', 'app_clone']));
});

test('no query fails while the new password is only pending, as between two steps of a rotation', async () => {
  const database = await open('pending');
  await database.query('SELECT 1'); // on a connection that stays
  const finish = await beginRotation('second');
  expect(await stream(database, 6, 200)).toEqual([]);
  const late = await open('late'); // a task that starts now
  expect(await stream(late, 6, 200)).toEqual([]);
  await finish();
  expect(await stream(database, 12, 200)).toEqual([]);
  expect((await connectionsOf('pending')).length).toBeGreaterThan(6);
  expect(reads).toBeLessThan(8); // 5, if nobody is refused late: all that are refused at once share two.
});

test('nor when the rotation ends while the secret is read again', async () => {
  const real = connectionSource({ DATABASE_SECRET_ID: SecretId }, client);
  let finish = () => Promise.resolve();
  const thenFinish = async <T>(value: T) => {
    await finish();
    finish = () => Promise.resolve();
    return value;
  };
  const source = {
    current: real.current,
    refresh: () => real.refresh().then(thenFinish),
    pending: () => real.pending().then(thenFinish),
  };
  await source.current();
  const database = await server.open({ source });
  finish = await beginRotation('second');
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a rotation that was given up before it changed Postgres does no harm', async () => {
  const database = await open('given up');
  await put('app', 'never', 'AWSPENDING');
  await admin.query("ALTER ROLE app PASSWORD 'second'");
  await put('app', 'second');
  expect(await stream(database, 4, 100)).toEqual([]);
});

test('a password that is wrong everywhere is no storm of reads', async () => {
  const database = await open('storm');
  await admin.query("ALTER ROLE app PASSWORD 'second'");
  reads = 0;
  const begun = performance.now();
  for (let round = 0; round < 10; round++) {
    const answers = Array.from({ length: 8 }, () => failureOf(database.query('SELECT 1')));
    for (const error of await Promise.all(answers)) expect(isDatabaseUnavailable(error)).toBe(true);
  }
  const seconds = Math.ceil((performance.now() - begun) / 1_000);
  expect(reads).toBeLessThanOrEqual(2 * seconds);
});

test('a password that is wrong even in the secret counts as unavailable, until it is right', async () => {
  const database = await open('wrong');
  await admin.query("ALTER ROLE app PASSWORD 'second'");
  const error = await failureOf(database.query('SELECT 1'));
  expect(error).toMatchObject({ code: '28P01' });
  expect(isDatabaseUnavailable(error)).toBe(true);
  await put('app', 'second');
  await until(() =>
    database.query('SELECT 1').then(
      () => true,
      () => false,
    ),
  );
});
