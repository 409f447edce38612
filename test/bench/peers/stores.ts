/*
 * How fast each store alone takes the calls that one small file makes of it, from `complete` to `ready`: the same calls,
 * made by the same code, with nothing else going on. A process of its own: `node stores.ts`, with the environment of a
 * worker and `FILES`; it sends its parent the files a second by store.
 */
import { v7 as uuidv7 } from 'uuid';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import {
  createChunkEncoder,
  createDatasetStore,
  createFileStore,
  createLoadStore,
  type DatasetRef,
  Splitter,
} from '@stowage/datasets';
import { connectionSource, openDatabase } from '@stowage/postgres';
import { createProducer, startConsumer } from '@stowage/queue';
import { createAwsClients, createLogger } from '@stowage/runtime';
import { Registry } from 'prom-client';
import { atOnce } from '../support/at-once.ts';
import { smallFile } from '../support/small-file.ts';
import { createQueue } from '../support/sqs.ts';

/** As many as ask the api at the same time; Postgres is asked by as many connections as it has cores twice over. */
const CALLERS = 16;
const CONNECTIONS = 4;

const { BUCKET_NAME: bucket = '', TABLE_NAME: table = '' } = process.env;
const files = Number(process.env['FILES']);
const aws = createAwsClients();
const log = createLogger({ service: 'stores', version: 'bench', level: 'warn' });
const fileStore = createFileStore({ s3: aws.s3, bucket });
const datasets = createDatasetStore({ dynamodb: aws.dynamodb, table, files: fileStore });
const body = Buffer.from(smallFile());
const split = splitOf(body);
const { dialect, columns, chunks } = split;
const [chunk = { number: 0, start: 0, end: 0, firstRow: 1, firstLine: 1 }] = chunks;
const refs = Array.from({ length: files }, (): DatasetRef => ({ tenant: 'bench', id: uuidv7() }));
const refOf = (number: number): DatasetRef => refs[number] ?? { tenant: 'bench', id: uuidv7() };

const rates = {
  DynamoDB: await ofDynamoDb(),
  S3: await ofS3(),
  SQS: await ofSqs(),
  Postgres: await ofPostgres(),
};
aws.close();
process.send?.(rates);
process.disconnect?.();

async function ofDynamoDb(): Promise<number> {
  const asked = { delimiter: 'auto', header: true, encoding: 'utf-8' } as const;
  await atOnce(files, CALLERS, (number) =>
    datasets.create({ ...refOf(number), name: 'store', dialect: asked }),
  );
  const loaded = { chunksTotal: 1, chunksLoaded: 1, rowsLoaded: split.records, rowsRejected: 0 };
  const rate = await filesASecond(CALLERS, async (number) => {
    const ref = refOf(number);
    await datasets.get(ref);
    await datasets.enqueue(ref, { etag: 'etag', bytes: body.length });
    await datasets.get(ref);
    await datasets.recordLoaded(ref, { dialect, columns }, loaded);
  });
  await atOnce(files, CALLERS, (number) => datasets.remove(refOf(number)));
  return rate;
}

async function ofS3(): Promise<number> {
  await atOnce(files, CALLERS, (number) =>
    aws.s3.send(new PutObjectCommand({ Bucket: bucket, Key: `uploads/${refOf(number).id}`, Body: body })),
  );
  const rate = await filesASecond(CALLERS, async (number) => {
    const { id } = refOf(number);
    const head = await fileStore.head(id);
    await (await fileStore.read(id, head?.etag ?? '')).toArray();
  });
  await atOnce(files, CALLERS, (number) => fileStore.remove(refOf(number).id));
  return rate;
}

async function ofSqs(): Promise<number> {
  const queueUrl = await createQueue(aws.sqs, `stores-${process.pid}`);
  const producer = createProducer<number>({ queueUrl, client: aws.sqs });
  const begun = performance.now();
  const handled = Promise.withResolvers<void>();
  let left = files;
  const consumer = startConsumer<number>({
    queueUrl,
    pollClient: aws.sqsPolling,
    actClient: aws.sqs,
    parse: Number,
    handle: async () => void (--left === 0 && handled.resolve()),
    waitTimeSeconds: 1,
    registry: new Registry(),
    log,
  });
  await atOnce(files, CALLERS, (number) => producer.send(number));
  await handled.promise;
  const rate = files / ((performance.now() - begun) / 1_000);
  await consumer.stop();
  return rate;
}

async function ofPostgres(): Promise<number> {
  const database = await openDatabase({
    source: connectionSource({ DATABASE_URL: process.env['DATABASE_URL'] ?? '' }, aws.secretsManager),
    applicationName: 'bench',
    maxConnections: CONNECTIONS,
    statementTimeoutMs: 20_000,
    log,
  });
  const loads = createLoadStore(database);
  const { signal } = new AbortController();
  const rate = await filesASecond(CONNECTIONS, async (number) => {
    const ref = refOf(number);
    const encoder = createChunkEncoder({ ...chunk, dialect, columnCount: columns.length });
    const bytes = body.subarray(chunk.start, chunk.end);
    const encoded = { number: 0, blocks: () => encoder.encode(bytes), result: () => encoder.result() };
    const file = { chunkBytes: body.length, columnCount: columns.length, chunk: encoded };
    await loads.loadWhole(ref, file, signal);
    await loads.ledger(ref.id);
  });
  await atOnce(files, CONNECTIONS, (number) => loads.remove(refOf(number)));
  await database.close();
  return rate;
}

async function filesASecond(callers: number, work: (number: number) => Promise<void>): Promise<number> {
  const begun = performance.now();
  await atOnce(files, callers, work);
  return files / ((performance.now() - begun) / 1_000);
}

function splitOf(bytes: Buffer) {
  const splitter = new Splitter({ dialect: { delimiter: 'auto', header: true, encoding: 'utf-8' } });
  splitter.push(bytes);
  return splitter.end();
}
