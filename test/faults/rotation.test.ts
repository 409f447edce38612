import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { clientConfig } from '../support/aws.ts';
import { createClient } from '../support/client.ts';
import { expectLoaded, type File, makeFile } from './support/file.ts';
import { startRate } from './support/rate.ts';

const ROTATIONS = 3;

let application: Application;
let secrets: SecretsManagerClient;
let admin: pg.Client;

beforeAll(async () => {
  application = await startApplication({
    workers: 2,
    environment: { CHUNK_BYTES: '16384', DATABASE_CONNECTIONS: '60', WORKER_SLOTS: '4' },
  });
  const { environment, postgres } = application.stack;
  secrets = new SecretsManagerClient(clientConfig(environment, 'SECRETS_MANAGER'));
  admin = new pg.Client({ connectionString: postgres.url });
  await admin.connect();
});
afterAll(async () => {
  secrets.destroy();
  await admin.end();
  await application.close();
});

const SecretId = () => application.stack.environment['DATABASE_SECRET_ID'];

/**
 * The four steps of Secrets Manager's rotation functions: createSecret, setSecret, testSecret, finishSecret. Between the
 * second and the last the secret still says the password that Postgres refuses by then.
 */
async function rotate(holdMs: number): Promise<void> {
  const current = await secrets.send(new GetSecretValueCommand({ SecretId: SecretId() }));
  const url = new URL(current.SecretString ?? '');
  const [replaced, password] = [url.href, randomBytes(18).toString('base64url')];
  url.password = password;
  const token = randomUUID();
  await secrets.send(
    new PutSecretValueCommand({
      SecretId: SecretId(),
      ClientRequestToken: token,
      SecretString: url.href,
      VersionStages: ['AWSPENDING'],
    }),
  );
  await admin.query(`ALTER ROLE stowage PASSWORD '${password}'`);
  expect([await connects(url.href), await connects(replaced)]).toEqual([true, false]);
  await needConnections(holdMs);
  await sleep(1_000);
  await secrets.send(
    new UpdateSecretVersionStageCommand({
      SecretId: SecretId(),
      VersionStage: 'AWSCURRENT',
      MoveToVersionId: token,
      RemoveFromVersionId: current.VersionId,
    }),
  );
  await needConnections(holdMs);
  application.stack.databaseUrl = url.href;
}

async function connects(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

/** Keeps queries of the api waiting, each on a connection of its own: the longer, the more connections are made. */
async function needConnections(holdMs: number): Promise<void> {
  const { id } = small;
  const { pathname } = new URL(application.stack.databaseUrl);
  const locking = new pg.Client({
    connectionString: new URL(pathname, application.stack.postgres.url).href,
  });
  await locking.connect();
  await locking.query(`BEGIN; LOCK TABLE dataset_rows."${id}" IN ACCESS EXCLUSIVE MODE`);
  await sleep(holdMs);
  await locking.query('COMMIT');
  await locking.end();
}

let small: { id: string };

test(`${ROTATIONS} rotations of the password under load fail no request and no chunk, and restart nothing`, async () => {
  const { url, services } = application;
  const client = createClient(url);
  small = await client.load('read', 'a\n1\n2\n');
  const processes = services.pids();
  const reads = startRate(15, (signal) => fetch(`${url}/v1/datasets/${small.id}/rows`, { signal }));
  const loads = new Map<string, File>();
  const connections = async () =>
    (
      await admin.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'stowage-%'",
      )
    ).rows.map(({ pid }) => pid);

  for (let round = 0; round < ROTATIONS; round++) {
    const file = makeFile(6_000);
    const before = await connections();
    const [{ id }] = await Promise.all([client.start(`round ${round}`, file.csv), rotate(500 * (round + 1))]);
    loads.set(id, file);
    expect((await connections()).filter((pid) => !before.includes(pid))).not.toEqual([]);
  }
  await expectLoaded(application, loads);
  await reads.stop();

  expect(reads.failures).toEqual([]);
  expect(reads.answered()).toBeGreaterThan(30);
  expect(application.logs.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  expect(application.ends).toEqual([]);
  expect(services.pids()).toEqual(processes);
  const renewals = application.logs.filter(({ msg }) =>
    String(msg).startsWith('Postgres refused the password'),
  );
  expect(renewals.length).toBeGreaterThanOrEqual(ROTATIONS);
  const { VersionIdsToStages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: SecretId() }));
  expect(Object.values(VersionIdsToStages).flat().toSorted()).toEqual([
    'AWSCURRENT',
    'AWSPENDING',
    'AWSPREVIOUS',
  ]);
});
