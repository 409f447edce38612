import type { Readable } from 'node:stream';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { createLogger } from '@stowage/runtime';
import type { Message } from '@stowage/datasets';
import {
  csvOf,
  deleteMessage,
  deliverTo,
  isChunk,
  rowsOf,
  splitMessage,
  startWorker,
  type Worker,
} from './support.ts';

const RECORDS = 40;

let worker: Worker;
let stores: Worker['dependencies'];
beforeAll(async () => {
  worker = await startWorker();
  stores = worker.dependencies;
});
beforeEach(() => {
  worker.sent.length = 0;
  worker.logs.length = 0;
});

const taken = () => worker.sent.splice(0);
const deliverAll = async (messages: Message[]) => {
  for (const message of messages) await worker.deliver(message);
};

test('a file is split into chunks, and the chunks make the dataset ready', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const chunks = taken();
  expect(chunks.length).toBeGreaterThan(5);
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'loading',
    columns: ['number', 'text'],
    progress: { chunksTotal: chunks.length, chunksLoaded: 0 },
  });
  await deliverAll(chunks.toReversed());
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'ready',
    progress: { chunksLoaded: chunks.length, rowsLoaded: 35, rowsRejected: 5 },
  });
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
});

test('a file that is split again is split into the same chunks', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const first = taken();
  await worker.deliver(split);
  expect(worker.sent).toEqual(first);
  await deliverAll([...first, ...first]);
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
});

test('a file that is split again after CHUNK_BYTES was changed is cut as it was', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const first = taken();
  await worker.deliver(first[1] ?? split);
  await deliverTo({ ...stores, chunkBytes: 100 }, split, { log: silent() });
  expect(worker.sent).toEqual(first);
  await deliverAll(taken());
  expect((await stores.datasets.get(ref))?.progress).toMatchObject({
    chunksTotal: first.length,
    rowsLoaded: 35,
  });
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
});

test('chunks are loaded while the file is still being read, and with the last the dataset is ready', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  const read: typeof stores.files.read = async (...call) => {
    const bytes = Buffer.concat(await (await stores.files.read(...call)).toArray());
    // Not by `Readable.from`, which would read ahead.
    return Object.assign(inTheMiddle(bytes), { destroy: () => {} }) as unknown as Readable;
  };
  async function* inTheMiddle(bytes: Buffer) {
    yield bytes.subarray(0, bytes.length / 2);
    await deliverAll(taken());
    expect(await stores.datasets.get(ref)).toMatchObject({
      status: 'loading',
      columns: ['number', 'text'],
      progress: { chunksTotal: null, chunksLoaded: expect.toSatisfy((chunks: number) => chunks > 0) },
    });
    yield bytes.subarray(bytes.length / 2);
    // All but the last chunk: that is found at the end.
    await deliverAll(taken());
  }
  await deliverTo({ ...stores, files: { ...stores.files, read } }, split, { log: silent() });
  await deliverAll(taken());
  const { status, progress } = (await stores.datasets.get(ref)) ?? {};
  expect([status, progress?.chunksLoaded]).toEqual(['ready', progress?.chunksTotal]);
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
});

test('when all chunks are loaded before the file is split, who splits it makes the dataset ready', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  const setChunksTotal: typeof stores.loads.setChunksTotal = async (...call) => {
    await deliverAll(taken());
    expect((await stores.datasets.get(ref))?.status).toBe('loading');
    await stores.loads.setChunksTotal(...call);
  };
  await deliverTo({ ...stores, loads: { ...stores.loads, setChunksTotal } }, split, { log: silent() });
  expect((await stores.datasets.get(ref))?.status).toBe('ready');
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
});

const BROKEN_AT_ITS_END = `${csvOf(RECORDS)}99,"${'never closed '.repeat(90_000)}`;

test('a file that cannot be read beyond some chunks fails, and their rows go', async () => {
  const { ref, split } = await worker.complete(BROKEN_AT_ITS_END);
  const fail: typeof stores.datasets.fail = async (...call) => {
    await deliverAll(worker.sent.slice(0, 3));
    expect(await worker.rows(ref)).not.toEqual([]);
    return stores.datasets.fail(...call);
  };
  await deliverTo({ ...stores, datasets: { ...stores.datasets, fail } }, split, { log: silent() });
  const failed = { status: 'failed', failure: { code: 'record_too_long' } };
  expect(await stores.datasets.get(ref)).toMatchObject(failed);
  expect(await worker.remains(ref)).not.toContain('table');
  await deliverAll(taken());
  expect(await stores.datasets.get(ref)).toMatchObject(failed);
  expect(await worker.remains(ref)).not.toContain('table');
});

test('nor do they stay when the worker is killed before they go', async () => {
  const { ref, split } = await worker.complete(BROKEN_AT_ITS_END);
  const remove = () => Promise.reject(new Error('killed'));
  const killed = deliverTo({ ...stores, loads: { ...stores.loads, remove } }, split, { log: silent() });
  await expect(killed).rejects.toThrow('killed');
  await deliverAll(taken());
  expect(await worker.remains(ref)).toContain('table');
  await worker.deliver(split);
  expect(await worker.remains(ref)).not.toContain('table');
  expect((await stores.datasets.get(ref))?.failure?.code).toBe('record_too_long');
});

test('a file that is not read after all does not keep its connection to S3', async () => {
  const { split } = await worker.complete(csvOf(RECORDS));
  const bodies: Readable[] = [];
  const read: typeof stores.files.read = async (...call) => {
    const body = await stores.files.read(...call);
    bodies.push(body);
    return body;
  };
  const prepare = () => Promise.reject(new Error('no database'));
  const broken = { ...stores, files: { ...stores.files, read }, loads: { ...stores.loads, prepare } };
  await expect(deliverTo(broken, split, { log: silent() })).rejects.toThrow('no database');
  expect(bodies.map(({ destroyed }) => destroyed)).toEqual([true]);
});

test('the message of split-file may come before the record of it', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await stores.datasets.remove(ref);
  await stores.datasets.create({
    ...ref,
    name: 'n',
    dialect: { delimiter: 'auto', header: true, encoding: 'utf-8' },
  });
  await worker.deliver(split);
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'loading',
    etag: split.etag,
    bytes: split.bytes,
  });
});

test('the message of an upload that lost is answered without effect', async () => {
  const { ref, split } = await worker.complete(csvOf(1));
  await worker.deliver({ ...split, etag: '"another"' });
  expect(worker.sent).toEqual([]);
  expect(await stores.datasets.get(ref)).toMatchObject({ status: 'queued', etag: split.etag });
  expect(worker.logs.join()).toContain('nothing to split');
});

test('a file that was replaced after it was completed fails its dataset, which says so', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.upload(ref, csvOf(RECORDS + 1));
  await worker.deliver(split);
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'failed',
    failure: { code: 'loading_failed', detail: expect.stringContaining('replaced after it was completed') },
  });
  expect(await worker.remains(ref)).not.toContain('table');
});

test('a file that is replaced between its chunks fails its dataset, which keeps what it has', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const [first = split, second = split] = taken();
  await worker.deliver(first);
  await worker.upload(ref, csvOf(RECORDS + 1));
  await worker.deliver(second);
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'failed',
    failure: { code: 'loading_failed', detail: expect.stringContaining('replaced') },
    progress: { chunksLoaded: 1 },
  });
});

test('a file that is replaced when all chunks are loaded does no harm, though nobody said that they are', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const chunks = taken();
  const last = chunks.pop() ?? split;
  await deliverAll(chunks);
  const silenced = { ...stores.datasets, recordProgress: () => Promise.reject(new Error('killed')) };
  await expect(deliverTo({ ...stores, datasets: silenced }, last, { log: silent() })).rejects.toThrow(
    'killed',
  );
  await worker.upload(ref, csvOf(RECORDS + 1));
  await worker.deliver(last);
  expect(await stores.datasets.get(ref)).toMatchObject({ status: 'ready', failure: null });
});

test('progress that nobody could report is reported by the next delivery of a chunk that is there', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const [chunk = split] = taken();
  const silenced = { ...stores.datasets, recordProgress: () => Promise.reject(new Error('killed')) };
  const killed = deliverTo({ ...stores, datasets: silenced }, chunk, { log: silent() });
  await expect(killed).rejects.toThrow('killed');
  await worker.deliver(chunk);
  expect((await stores.datasets.get(ref))?.progress.chunksLoaded).toBe(1);
});

test('a file of one chunk is loaded by the message that splits it, though that was cut short', async () => {
  const { ref, split } = await worker.complete(csvOf(3));
  const silenced = { ...stores.datasets, recordLoaded: () => Promise.reject(new Error('killed')) };
  const killed = deliverTo({ ...stores, datasets: silenced }, split, { log: silent() });
  await expect(killed).rejects.toThrow('killed');
  await worker.deliver(split);
  expect(await stores.datasets.get(ref)).toMatchObject({ status: 'ready', progress: { rowsLoaded: 3 } });
  expect(await worker.rows(ref)).toEqual([1, 2, 3]);
  expect(worker.sent).toEqual([]);
});

test('an empty file fails its dataset, and is not split again', async () => {
  const { ref, split } = await worker.complete('\n\n');
  await worker.deliver(split);
  const failed = await stores.datasets.get(ref);
  expect(failed).toMatchObject({ status: 'failed', failure: { code: 'empty_file' } });
  const unread = { ...stores.files, read: () => Promise.reject(new Error('read again')) };
  await deliverTo({ ...stores, files: unread }, split, { log: silent() });
  expect(await stores.datasets.get(ref)).toEqual(failed);
});

test('a file that is split again once its dataset is ready changes nothing', async () => {
  const { ref, split } = await worker.complete(csvOf(3));
  await worker.deliver(split);
  await deliverAll(taken());
  const ready = await stores.datasets.get(ref);
  await worker.deliver(split);
  expect(await stores.datasets.get(ref)).toEqual(ready);
  expect(worker.sent).toEqual([]);
});

test('a file without records is ready at once, however often it is split', async () => {
  const { ref, split } = await worker.complete('a,b\n');
  const silenced = { ...stores.datasets, recordLoaded: () => Promise.reject(new Error('killed')) };
  await expect(deliverTo({ ...stores, datasets: silenced }, split, { log: silent() })).rejects.toThrow(
    'killed',
  );
  await worker.deliver(split);
  expect(await stores.datasets.get(ref)).toMatchObject({ status: 'ready', progress: { chunksTotal: 0 } });
});

test.each(['split-file', 'load-chunk'] as const)(
  'only the last delivery of a %s that fails marks the dataset failed',
  async (type) => {
    const { ref, split } = await worker.complete(csvOf(RECORDS));
    await worker.deliver(split);
    const message = type === 'split-file' ? split : (taken()[0] ?? split);
    const broken = {
      ...stores.files,
      read: () => Promise.reject(new Error(`no bytes today${'!'.repeat(999)}`)),
    };
    const deliver = (receiveCount: number, lastDelivery: boolean) =>
      deliverTo({ ...stores, files: broken }, message, { log: silent(), receiveCount, lastDelivery });

    await expect(deliver(4, false)).rejects.toThrow('no bytes today');
    expect((await stores.datasets.get(ref))?.status).toBe('loading');
    await expect(deliver(5, true)).rejects.toThrow('no bytes today');
    const failed = await stores.datasets.get(ref);
    expect(failed).toMatchObject({ status: 'failed', failure: { code: 'loading_failed' } });
    expect(failed?.failure?.detail).toMatch(`${type} failed 5 times, at last with: no bytes today`);
    expect(failed?.failure?.detail.length).toBeLessThanOrEqual(500);
  },
);

test('chunks that come after their dataset failed are loaded, and with the last it is ready', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const chunks = taken();
  await stores.datasets.fail(ref, { code: 'loading_failed', detail: 'one chunk' });
  const redriven = chunks.splice(2, 1);
  await deliverAll(chunks);
  expect(await stores.datasets.get(ref)).toMatchObject({
    status: 'failed',
    failure: { detail: 'one chunk' },
    progress: { chunksLoaded: chunks.length },
  });
  await deliverAll(redriven);
  expect(await stores.datasets.get(ref)).toMatchObject({ status: 'ready', failure: null });
});

test('a dataset is deleted whole, and again', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  await deliverAll(taken());
  await worker.deliver(deleteMessage(ref));
  expect(await worker.remains(ref)).toEqual([]);
  await worker.deliver(deleteMessage(ref));
  expect(worker.logs.join()).toContain('gone: nothing to delete');
});

test.each(['loads', 'files', 'datasets'] as const)(
  'a deletion that is cut short at its %s goes on when it is delivered again',
  async (part) => {
    const { ref, split } = await worker.complete(csvOf(RECORDS, `number,${'n'.repeat(70_000)}`));
    await worker.deliver(split);
    await deliverAll(taken());
    const cut = { ...stores[part], remove: () => Promise.reject(new Error('killed')) };
    const deliver = deliverTo({ ...stores, [part]: cut }, deleteMessage(ref), { log: silent() });
    await expect(deliver).rejects.toThrow('killed');
    expect((await stores.datasets.get(ref))?.status).toBe('deleting');
    await worker.deliver(deleteMessage(ref));
    expect(await worker.remains(ref)).toEqual([]);
  },
);

test('a message of a tenant who does not have the dataset does nothing to it', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  await deliverAll(taken());
  const other = { ...ref, tenant: 'other' };
  await deliverAll([splitMessage(other, split), deleteMessage(other)]);
  expect(await worker.rows(ref)).toEqual(rowsOf(RECORDS));
  expect((await stores.datasets.get(ref))?.status).toBe('ready');
});

const WIDE = csvOf(RECORDS, `number,${'n'.repeat(70_000)}`);

test('a dataset that is deleted while its file is split leaves nothing', async () => {
  const { ref, split } = await worker.complete(WIDE);
  const prepare: typeof stores.loads.prepare = async (...call) => {
    await worker.deliver(deleteMessage(ref));
    return stores.loads.prepare(...call);
  };
  await deliverTo({ ...stores, loads: { ...stores.loads, prepare } }, split, { log: silent() });
  expect(await worker.remains(ref)).toEqual([]);
  expect(worker.sent).toEqual([]);
});

test('nor when the worker that split it is killed before it can clean up', async () => {
  const { ref, split } = await worker.complete(WIDE);
  const prepare: typeof stores.loads.prepare = async (...call) => {
    await worker.deliver(deleteMessage(ref));
    await stores.loads.prepare(...call);
    throw new Error('killed');
  };
  const killed = deliverTo({ ...stores, loads: { ...stores.loads, prepare } }, split, { log: silent() });
  await expect(killed).rejects.toThrow('killed');
  expect(await worker.remains(ref)).toEqual(['table', 'parent']);
  await worker.deliver(split);
  expect(await worker.remains(ref)).toEqual([]);
});

test('a dataset that is deleted between its chunks leaves nothing', async () => {
  const { ref, split } = await worker.complete(csvOf(RECORDS));
  await worker.deliver(split);
  const [first = split, ...rest] = taken().filter(isChunk);
  await worker.deliver(first);
  await worker.deliver(deleteMessage(ref));
  await deliverAll([...rest, split]);
  expect(await worker.remains(ref)).toEqual([]);
  expect(worker.sent).toEqual([]);
});

/** For deliveries whose log does not matter. */
function silent() {
  return createLogger({ service: 'worker', version: 'test', level: 'silent' });
}
