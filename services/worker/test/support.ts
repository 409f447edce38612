import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { v7 as uuidv7 } from 'uuid';
import { afterAll } from 'vitest';
import {
  createDatasetStore,
  createFileStore,
  createLoadStore,
  type DatasetRef,
  type LoadChunk,
  type Message,
  migrationsDir,
  type SplitFile,
} from '@stowage/datasets';
import { startStack } from '@stowage/local';
import { connectionSource, type Database, migrate, openDatabase, parseConnection } from '@stowage/postgres';
import type { HandlerContext } from '@stowage/queue';
import { createAwsClients, createLogger } from '@stowage/runtime';
import { eachRow } from '../../../test/support/each-row.ts';
import { createBufferPool } from '../src/buffer-pool.ts';
import type { Dependencies } from '../src/dependencies.ts';
import { startEncoder } from '../src/encoder.ts';
import { createHandler } from '../src/handlers.ts';

const CHUNK_BYTES = 64;

/** Handlers on a real database and real stand-ins. Only the queue is a list: tests choose what is delivered, and when. */
export interface Worker {
  dependencies: Dependencies;
  database: Database;
  /** What the handlers sent, oldest first. */
  sent: Message[];
  /** Delivers a message: the handler runs to its end. */
  deliver: (message: Message, context?: Partial<HandlerContext>) => Promise<void>;
  /** A dataset whose file is uploaded and completed, and the message that splits it. */
  complete: (file: string) => Promise<{ ref: DatasetRef; split: SplitFile }>;
  upload: (ref: DatasetRef, file: string) => Promise<{ etag: string; bytes: number }>;
  /** Row numbers, in order. */
  rows: (ref: DatasetRef) => Promise<number[]>;
  /** Names of all that any store still has of a dataset. */
  remains: (ref: DatasetRef) => Promise<string[]>;
  logs: string[];
}

export async function startWorker(): Promise<Worker> {
  const stateDir = mkdtempSync(join(tmpdir(), 'stowage-worker-'));
  const template = readFileSync(fileURLToPath(import.meta.resolve('../../../infra/storage.yml')), 'utf8');
  const stack = await startStack({ stateDir, template, fsync: false });
  Object.assign(process.env, stack.environment);
  const aws = createAwsClients();
  const logs: string[] = [];
  const log = createLogger(
    { service: 'worker', version: 'test', level: 'info' },
    { write: (line: string) => void logs.push(line) },
  );
  await migrate({ connection: parseConnection(stack.databaseUrl, 'test database'), dir: migrationsDir, log });
  const database = await openDatabase({
    source: connectionSource({ DATABASE_URL: stack.databaseUrl }, aws.secretsManager),
    applicationName: 'test',
    maxConnections: 8,
    statementTimeoutMs: 20_000,
    log,
  });
  const encoder = startEncoder();
  afterAll(async () => {
    await encoder.close();
    await database.close();
    aws.close();
    await stack.close();
    rmSync(stateDir, { recursive: true, force: true });
  });

  const Bucket = stack.outputs['BucketName'] ?? '';
  const files = createFileStore({ s3: aws.s3, bucket: Bucket });
  const datasets = createDatasetStore({
    dynamodb: aws.dynamodb,
    table: stack.outputs['TableName'] ?? '',
    files,
  });
  const sent: Message[] = [];
  const sendAll = async (messages: Iterable<Message>) => void sent.push(...messages);
  const dependencies: Dependencies = {
    datasets,
    files,
    loads: createLoadStore(database),
    producer: { sendAll, send: (message) => sendAll([message]) },
    buffers: createBufferPool(CHUNK_BYTES),
    encoder,
    chunkBytes: CHUNK_BYTES,
  };

  async function upload(ref: DatasetRef, file: string) {
    const Key = `uploads/${ref.id}`;
    await aws.s3.send(new PutObjectCommand({ Bucket, Key, Body: file }));
    const { ETag = '', ContentLength = 0 } = await aws.s3.send(new HeadObjectCommand({ Bucket, Key }));
    return { etag: ETag, bytes: ContentLength };
  }

  return {
    dependencies,
    database,
    sent,
    logs,
    upload,
    deliver: (message, context = {}) => deliverTo(dependencies, message, { log, ...context }),

    async complete(file) {
      const ref = { tenant: 't', id: uuidv7() };
      const dialect = { delimiter: ',', header: true, encoding: 'utf-8' } as const;
      await datasets.create({ ...ref, name: 'n', dialect });
      const uploaded = await upload(ref, file);
      const split = splitMessage(ref, uploaded);
      await datasets.enqueue(ref, uploaded);
      return { ref, split };
    },

    async rows({ id }) {
      const rows = await database.query<{ row: number }>(
        `SELECT row_no::int AS row FROM ${eachRow(id)} ORDER BY row_no`,
      );
      return rows.map(({ row }) => row);
    },

    async remains({ tenant, id }) {
      const [counts = {}] = await database.query<Record<string, number>>(
        `SELECT (to_regclass('dataset_rows."${id}"') IS NOT NULL)::int AS "table",
                (SELECT count(*)::int FROM stowage.datasets WHERE id = $1) AS parent,
                (SELECT count(*)::int FROM stowage.chunks WHERE dataset_id = $1) AS chunks,
                (SELECT count(*)::int FROM stowage.rejects WHERE dataset_id = $1) AS rejects`,
        [id],
      );
      const { Contents = [] } = await aws.s3.send(new ListObjectsV2Command({ Bucket }));
      return [
        ...Object.keys(counts).filter((name) => counts[name] !== 0),
        ...Contents.map(({ Key = '' }) => Key).filter((key) => key.endsWith(id)),
        ...((await datasets.get({ tenant, id })) ? ['item'] : []),
      ];
    },
  };
}

export function splitMessage(ref: DatasetRef, file: { etag: string; bytes: number }): SplitFile {
  return { type: 'split-file', version: 1, tenant: ref.tenant, datasetId: ref.id, ...file };
}

export function deleteMessage(ref: DatasetRef): Message {
  return { type: 'delete-dataset', version: 1, tenant: ref.tenant, datasetId: ref.id };
}

export const isChunk = (message: Message): message is LoadChunk => message.type === 'load-chunk';

/** Runs the handler as the consumer does for one delivery. */
export function deliverTo(
  dependencies: Dependencies,
  message: Message,
  context: Partial<HandlerContext> & Pick<HandlerContext, 'log'>,
): Promise<void> {
  return createHandler(dependencies)(message, {
    signal: new AbortController().signal,
    receiveCount: 1,
    lastDelivery: false,
    deadline: Date.now() + 60_000,
    messageId: 'test',
    attributes: {},
    ...context,
  });
}

/** A file with a header and `records` records, of which every seventh is rejected. */
export function csvOf(records: number, header = 'number,text'): string {
  const lines = Array.from({ length: records }, (_, index) =>
    isRejected(index + 1) ? 'one cell\n' : `${index + 1},row ${index + 1}\n`,
  );
  return `${header}\n${lines.join('')}`;
}

export const isRejected = (row: number): boolean => row % 7 === 0;

export function rowsOf(records: number): number[] {
  return Array.from({ length: records }, (_, index) => index + 1).filter((row) => !isRejected(row));
}
