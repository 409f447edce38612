import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { workerEnvironment } from '../../../services/worker/src/process-environment.ts';
import { type Application, startApplication } from '../../support/application.ts';
import { clientConfig } from '../../support/aws.ts';
import { type Client, createClient, type DatasetView } from '../../support/client.ts';
import { startAgent } from './agent.ts';
import type { RecordedCall } from './recorded-call.ts';

/** Work that waits for this lock takes more than half a lease, so its message needs the heartbeat. */
const LEASE_SECONDS = 3;
const LOCK_SQL = `BEGIN; LOCK TABLE stowage.chunks IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(2.2); COMMIT`;

/** Above all files but the one that is to have several chunks. */
const CHUNK_BYTES = 1_000_000;

/** 1,500 names of 60 characters do not fit into a DynamoDB item with the rest. */
const WIDE_HEADER = Array.from({ length: 1_500 }, (_, index) => String(index).padStart(60, 'c')).join(',');

const RECORDER = new URL('record-calls.ts', import.meta.url).href;
const MIGRATE = fileURLToPath(new URL('../../../services/migrate/src/main.ts', import.meta.url));

export interface Exercise {
  /** What was recorded, be it that it made no call. */
  programs: string[];
  calls: RecordedCall[];
  /** Names of the resources in the calls, by the outputs of storage.yml, and the secret's. */
  names: Record<string, string>;
}

/** Has the application do all that it can do, and records what it asks of AWS meanwhile. */
export async function exercise(): Promise<Exercise> {
  await using parts = new AsyncDisposableStack();
  const dir = mkdtempSync(join(tmpdir(), 'stowage-calls-'));
  parts.defer(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'calls.jsonl');
  writeFileSync(file, '');
  const agent = await startAgent();
  parts.defer(agent.close);
  const recording = {
    RECORD_CALLS_TO: file,
    NODE_OPTIONS: `${workerEnvironment.NODE_OPTIONS} --import ${RECORDER}`,
  };
  const application = await startApplication({
    leaseSeconds: LEASE_SECONDS,
    environment: {
      ...recording,
      ECS_AGENT_URI: agent.url,
      POLL_WAIT_SECONDS: '1',
      CHUNK_BYTES: String(CHUNK_BYTES),
    },
  });
  const uploads: RecordedCall[] = [];
  try {
    await useEverything(application, uploads);
    await runMigrate(application, recording);
  } finally {
    // The last calls are made while the services stop.
    await application.close();
  }
  const records = readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RecordedCall | { program: string });
  const { outputs, environment } = application.stack;
  return {
    programs: [...new Set(records.map(({ program }) => program))].toSorted(),
    calls: [...records.filter((record) => 'service' in record), ...uploads, ...agent.calls],
    names: { ...outputs, SecretId: environment['DATABASE_SECRET_ID'] ?? '' },
  };
}

async function useEverything(application: Application, uploads: RecordedCall[]): Promise<void> {
  const client = createClient(application.url);
  await using parts = new AsyncDisposableStack();
  const aws = clientsOf(application);
  for (const one of Object.values(aws)) parts.defer(() => one.destroy());
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  parts.defer(() => database.end());
  const queueUrl = application.stack.outputs['QueueUrl'] ?? '';
  const deadLetterUrl = application.stack.outputs['DeadLetterQueueUrl'] ?? '';
  const bucket = application.stack.outputs['BucketName'] ?? '';
  const send = (body: string) =>
    aws.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));

  await useIdempotencyKeys(application.url);
  await fetch(`${application.url}/ready`);

  // Loaded while the ledger is locked for longer than half a lease.
  const { dataset, upload } = await client.create('wide');
  await client.json('POST', `/v1/datasets/${dataset.id}/complete`, undefined, 409);
  const sent = await client.upload(
    upload,
    new Blob([`${WIDE_HEADER}\n${row('x')}\nrejected\n${row('y')}\n`]),
  );
  uploads.push({
    program: 'api',
    service: 'S3',
    operation: 'PostObject',
    names: { Bucket: upload.fields['bucket'] ?? bucket, Key: upload.fields['key'] ?? '' },
    status: sent.status,
  });
  const locked = database.query(LOCK_SQL);
  await client.complete(dataset.id);
  await fetch(`${application.url}/v1/datasets/${dataset.id}/events`).then((events) => events.text());
  await locked;
  await readEverything(client, dataset.id);

  await loadAtSecondDelivery(application, client, database);
  await rotatePassword(application, aws.secrets);
  expect(await client.rows(dataset.id)).toHaveLength(2);
  // Several chunks: of a single one the worker sends no message.
  const chunks = 'a\n'.repeat(CHUNK_BYTES);
  expect((await client.load('after the rotation', chunks)).status).toBe('ready');

  // What is not there: a file that was removed after it was completed, and column names of a dataset that goes.
  const lost = await client.create('lost');
  const ref = { tenant: 'local', datasetId: lost.dataset.id };
  await send(JSON.stringify({ type: 'split-file', version: 1, ...ref, etag: '"x"', bytes: 1 }));
  await untilStatus(client, lost.dataset, 'failed');
  await aws.s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: `columns/${dataset.id}` }));
  expect((await client.get(dataset.id)).columns).toBeNull();

  await send('no message of ours');
  await until(async () => (await waiting(aws.sqs, deadLetterUrl)) === 1);

  await client.remove(dataset.id);
  const status = async () => (await fetch(`${application.url}/v1/datasets/${dataset.id}`)).status;
  await until(async () => (await status()) === 404);
  await until(async () => (await waiting(aws.sqs, queueUrl)) === 0);
}

/** Takes a key, answers by it, and gives it back when the request fails. */
async function useIdempotencyKeys(url: string): Promise<void> {
  const post = async (name: string, key: string): Promise<Response> =>
    fetch(`${url}/v1/datasets`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify({ name }),
    });
  const key = randomUUID();
  const [first, again] = [await post('once', key), await post('once', key)];
  expect([first.status, await again.json()]).toEqual([201, await first.json()]);
  expect((await post('unstorable', randomUUID())).status).toBe(500);
}

async function readEverything(client: Client, id: string): Promise<void> {
  const path = `/v1/datasets/${id}`;
  expect(await client.rows(id)).toHaveLength(2);
  expect(await client.rows(id, `&where.${'0'.padStart(60, 'c')}=x`)).toHaveLength(1);
  expect(await client.rejects(id)).toHaveLength(1);
  await client.json('GET', `${path}/profile`);
  await client.json('GET', '/v1/datasets?limit=2');
}

/** The ledger refuses the first delivery, which is backed off. */
async function loadAtSecondDelivery(
  application: Application,
  client: Client,
  database: pg.Client,
): Promise<void> {
  await database.query('ALTER TABLE stowage.chunks ADD CONSTRAINT broken CHECK (number < 0) NOT VALID');
  const dataset = await client.start('second delivery', 'a\n1\n');
  await until(() => application.logs.some(({ outcome }) => outcome === 'failed'));
  await database.query('ALTER TABLE stowage.chunks DROP CONSTRAINT broken');
  await untilStatus(client, dataset, 'ready');
}

/** Gives the application's role another password, tells the secret, and cuts the connections of the old one. */
async function rotatePassword(application: Application, secrets: SecretsManagerClient): Promise<void> {
  const password = randomUUID();
  const url = new URL(application.stack.databaseUrl);
  const role = url.username;
  url.password = password;
  application.stack.databaseUrl = url.href;
  const admin = new pg.Client({ connectionString: application.stack.postgres.url });
  await admin.connect();
  await admin.query(`ALTER ROLE ${admin.escapeIdentifier(role)} PASSWORD ${admin.escapeLiteral(password)}`);
  await secrets.send(
    new PutSecretValueCommand({
      SecretId: application.stack.environment['DATABASE_SECRET_ID'],
      SecretString: url.href,
    }),
  );
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1 AND application_name LIKE 'stowage-%'`,
    [role],
  );
  await admin.end();
}

/** ECS hands the migration its secrets: it asks AWS for nothing. */
async function runMigrate({ stack }: Application, recording: Record<string, string>): Promise<void> {
  const { DATABASE_SECRET_ID: _, ...environment } = stack.environment;
  await promisify(execFile)(process.execPath, [MIGRATE], {
    env: { ...process.env, ...environment, ...recording, DATABASE_URL: stack.databaseUrl },
    timeout: 20_000,
  });
}

function clientsOf({ stack: { environment } }: Application) {
  return {
    s3: new S3Client({ ...clientConfig(environment, 'S3'), forcePathStyle: true }),
    sqs: new SQSClient(clientConfig(environment, 'SQS')),
    secrets: new SecretsManagerClient(clientConfig(environment, 'SECRETS_MANAGER')),
  };
}

const row = (cell: string) => Array.from({ length: 1_500 }, () => cell).join(',');

const until = (holds: () => boolean | Promise<boolean>) => vi.waitUntil(holds, { timeout: 20_000 });

const untilStatus = (client: Client, { id }: DatasetView, status: DatasetView['status']) =>
  client.until(id, (dataset) => dataset.status === status, 20_000);

async function waiting(sqs: SQSClient, url: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
}
