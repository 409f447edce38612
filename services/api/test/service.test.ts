import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createDatasetStore,
  createFileStore,
  createReadStore,
  type DatasetRef,
  type DatasetStore,
  type Message,
  migrationsDir,
  type ReadStore,
} from '@stowage/datasets';
import { startStack } from '@stowage/local';
import { connectionSource, migrate, openDatabase, parseConnection } from '@stowage/postgres';
import { createAwsClients, createLogger } from '@stowage/runtime';
import { createDatasetService, type DatasetService } from '../src/datasets/service.ts';

const stateDir = mkdtempSync(join(tmpdir(), 'stowage-api-'));
const cleanUp = new AsyncDisposableStack();
let datasets: DatasetStore;
let service: DatasetService;
/** The service of an api of its own. */
let newService: (reads: ReadStore) => DatasetService;
let reads: ReadStore;
/** What the service sent, and what becomes of a message. */
const sent: Message[] = [];
let send: (message: Message) => Promise<void>;
/** Set, the api is killed after it has sent a message. */
let killed: boolean;

beforeAll(async () => {
  const template = readFileSync(fileURLToPath(import.meta.resolve('../../../infra/storage.yml')), 'utf8');
  const stack = await startStack({ stateDir, template, fsync: false });
  cleanUp.defer(stack.close);
  Object.assign(process.env, stack.environment);
  const aws = createAwsClients();
  cleanUp.defer(aws.close);
  const log = createLogger({ service: 'test', version: 'test', level: 'silent' });
  await migrate({ connection: parseConnection(stack.databaseUrl, 'test database'), dir: migrationsDir, log });
  const database = await openDatabase({
    source: connectionSource({ DATABASE_URL: stack.databaseUrl }, aws.secretsManager),
    applicationName: 'test',
    maxConnections: 2,
    statementTimeoutMs: 10_000,
    log,
  });
  cleanUp.defer(database.close);
  const files = createFileStore({ s3: aws.s3, bucket: stack.outputs['BucketName'] ?? '' });
  datasets = createDatasetStore({ dynamodb: aws.dynamodb, table: stack.outputs['TableName'] ?? '', files });
  const unlessKilled = async <T>(record: () => Promise<T>): Promise<T> => {
    if (killed) throw new Error('killed');
    return record();
  };
  reads = createReadStore(database);
  newService = (from) =>
    createDatasetService({
      datasets: {
        ...datasets,
        enqueue: (...call) => unlessKilled(() => datasets.enqueue(...call)),
        startDeleting: (...call) => unlessKilled(() => datasets.startDeleting(...call)),
      },
      files,
      reads: from,
      producer: {
        sendAll: () => Promise.reject(new Error('not used')),
        send: (message) => send(message),
      },
      uploadSeconds: 60,
      scanRows: 1_000,
    });
  service = newService(reads);
});
afterAll(async () => {
  await cleanUp.disposeAsync();
  rmSync(stateDir, { recursive: true, force: true });
});
beforeEach(() => {
  sent.length = 0;
  send = async (message) => void sent.push(message);
  killed = false;
});

/** A dataset whose file is uploaded. */
async function uploaded(): Promise<DatasetRef> {
  const { dataset, upload } = await service.create('t', { name: 'n' });
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append('file', new Blob(['a\n1\n']));
  expect((await fetch(upload.url, { method: 'POST', body: form })).ok).toBe(true);
  return { tenant: 't', id: dataset.id };
}

const statusOf = async (ref: DatasetRef) => (await service.get(ref)).status;

test('when the message cannot be sent, nothing is recorded', async () => {
  const ref = await uploaded();
  send = () => Promise.reject(new Error('no SQS'));
  await expect(service.complete(ref)).rejects.toThrow('no SQS');
  expect(await statusOf(ref)).toBe('awaiting_upload');
  await expect(service.remove(ref)).rejects.toThrow('no SQS');
  expect(await statusOf(ref)).toBe('awaiting_upload');
});

test('when the api is killed between message and record, the message is there and a repeat is well', async () => {
  const ref = await uploaded();
  killed = true;
  await expect(service.complete(ref)).rejects.toThrow('killed');
  expect(sent).toMatchObject([{ type: 'split-file', datasetId: ref.id, bytes: 4 }]);
  killed = false;
  expect((await service.complete(ref)).status).toBe('queued');
  expect(sent[1]).toEqual(sent[0]);
});

test('a completion that a worker was quicker than answers what is there', async () => {
  const ref = await uploaded();
  const completing = service.complete(ref);
  const other = await service.complete(ref);
  expect([(await completing).status, other.status]).toEqual(['queued', 'queued']);
});

test('a deletion that is repeated sends its message again, which heals a lost one', async () => {
  const ref = await uploaded();
  expect((await service.remove(ref)).status).toBe('deleting');
  expect((await service.remove(ref)).status).toBe('deleting');
  expect(sent).toHaveLength(2);
  await expect(service.complete(ref)).rejects.toMatchObject({ code: 'deleting' });
});

test('a deletion that a worker has finished before it was recorded is answered all the same', async () => {
  const ref = await uploaded();
  send = () => datasets.remove(ref);
  expect((await service.remove(ref)).status).toBe('deleting');
  await expect(service.get(ref)).rejects.toMatchObject({ code: 'not_found' });
});

/** A dataset that is ready as far as DynamoDB knows. */
async function ready(): Promise<DatasetRef> {
  const ref = await uploaded();
  await service.complete(ref);
  const dialect = { delimiter: ',', header: true, encoding: 'utf-8' } as const;
  await datasets.startLoading(ref, { dialect, columns: ['a'] });
  const loaded = { chunksTotal: 1, chunksLoaded: 1, rowsLoaded: 1, rowsRejected: 0 };
  expect((await datasets.recordProgress(ref, loaded, true))?.status).toBe('ready');
  return ref;
}

test('what is read of a dataset whose rows are just being deleted is 409 deleting', async () => {
  const ref = await ready();
  const page = { after: 0, limit: 10 };
  for (const filters of [{}, { 'where.a': '1' }]) {
    await expect(service.rows(ref, page, filters)).rejects.toMatchObject({ code: 'deleting' });
  }
  await expect(service.profile(ref)).rejects.toMatchObject({ code: 'deleting' });
});

test('a deletion is known at once to the api that was asked for it, and within a second to others', async () => {
  const ref = await ready();
  const rows: ReadStore['rows'] = () => Promise.resolve({ rows: [], nextAfter: null });
  const [asked, other, third] = [1, 2, 3].map(() => newService({ ...reads, rows }));
  const read = (api: DatasetService | undefined) => api?.rows(ref, { after: 0, limit: 1 }, {});
  for (const api of [asked, other, third]) await read(api);
  await asked?.remove(ref);
  await expect(read(asked)).rejects.toMatchObject({ code: 'deleting' });
  // Whoever was told of it by an api is told the same by it from then on.
  expect((await third?.get(ref))?.status).toBe('deleting');
  await expect(read(third)).rejects.toMatchObject({ code: 'deleting' });
  await sleep(1_000);
  await expect(read(other)).rejects.toMatchObject({ code: 'deleting' });
});

test('a tenant finds nothing of another', async () => {
  const other = { ...(await uploaded()), tenant: 'other' };
  const page = { after: 0, limit: 10 };
  const calls = [
    () => service.get(other),
    () => service.complete(other),
    () => service.remove(other),
    () => service.watchable(other),
    () => service.rows(other, page, {}),
    () => service.rejects(other, page),
    () => service.profile(other),
  ];
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'not_found' });
  expect(await service.find(other)).toBeUndefined();
  expect((await service.list('other', { limit: 10 })).items).toEqual([]);
  expect(sent).toEqual([]);
});
