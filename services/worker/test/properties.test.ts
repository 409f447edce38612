import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Dataset, FileStore, Message } from '@stowage/datasets';
import { createLogger } from '@stowage/runtime';
import { csvOf, deleteMessage, deliverTo, isChunk, rowsOf, startWorker, type Worker } from './support.ts';

/** WORKER_PROPERTY_RUNS=2000 searches longer. */
const RUNS = Number(process.env['WORKER_PROPERTY_RUNS'] ?? 40);
const RECORDS = 18;
const LATE_MS = 12;
const MAX_RECEIVE_COUNT = 3;

const log = createLogger({ service: 'worker', version: 'test', level: 'silent' });

let worker: Worker;
beforeAll(async () => {
  worker = await startWorker();
});

/** When a store is called: it fails before it does anything, or does it and cannot say so, or takes its time. */
type Fault = 'before' | 'after' | 'late' | null;

/** What befalls one dataset. */
interface Fate {
  /** Whether the api lives to record what its message of `complete` says, and whether the client repeats that call. */
  recorded: boolean;
  repeated: boolean;
  /** For each call of a store, in the order in which they are made. */
  faults: Fault[];
  /** For each step: which messages are delivered, at the same time. */
  steps: number[][];
  /** For each step: size of the chunks, as if each worker were configured for itself. */
  chunkBytes: number[];
  /** For each chunk that is sent: whether it is loaded at once, while its file is still being split. */
  early: boolean[];
  /** At which step the dataset is deleted, or its file replaced. */
  deletedAt: number | null;
  replacedAt: number | null;
}

const STEPS = 15;
const fates: fc.Arbitrary<Fate> = fc.record({
  recorded: fc.boolean(),
  repeated: fc.boolean(),
  faults: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      fc.constantFrom('before' as const, 'after' as const, 'late' as const),
    ),
    { maxLength: 60 },
  ),
  steps: fc.array(fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 3 }), {
    minLength: STEPS,
    maxLength: STEPS,
  }),
  chunkBytes: fc.array(fc.constantFrom(64, 64, 150, 1_000), { minLength: STEPS, maxLength: STEPS }),
  early: fc.array(fc.boolean(), { maxLength: 20 }),
  deletedAt: fc.option(fc.nat({ max: STEPS - 1 })),
  replacedAt: fc.option(fc.nat({ max: STEPS - 1 }), { freq: 4 }),
});

/** A store whose calls meet the faults, one after the other. */
function faulty<T extends object>(store: T, next: () => Fault): T {
  return new Proxy(store, {
    get(target, name) {
      const call = Reflect.get(target, name) as (...values: unknown[]) => Promise<unknown>;
      return async (...values: unknown[]) => {
        const fault = next();
        if (fault === 'before') throw new Error('killed before');
        if (fault === 'late') await sleep(LATE_MS);
        const result = await call(...values);
        if (fault === 'after') throw new Error('killed after');
        return result;
      };
    },
  });
}

/** S3 that gives a file piece by piece, so that its chunks are found one by one. */
function slowly(files: FileStore): FileStore {
  const read: FileStore['read'] = async (...call) => {
    const bytes = Buffer.concat(await (await files.read(...call)).toArray());
    const count = Math.ceil(bytes.length / 50);
    return Readable.from(
      Array.from({ length: count }, (_, piece) => bytes.subarray(50 * piece, 50 * piece + 50)),
    );
  };
  return { ...files, read };
}

/** A message in the queue. */
interface Waiting {
  message: Message;
  receiveCount: number;
}

/** Lives through a fate, then delivers what is left in peace: dead letters, too, as after a redrive. */
async function live(fate: Fate) {
  const { dependencies, complete, upload } = worker;
  const { datasets } = dependencies;
  const { ref, split } = await complete(csvOf(RECORDS));
  if (!fate.recorded) {
    await datasets.remove(ref);
    await datasets.create({
      ...ref,
      name: 'n',
      dialect: { delimiter: ',', header: true, encoding: 'utf-8' },
    });
  }
  const wait = (message: Message): Waiting => ({ message, receiveCount: 0 });
  const queue = [wait(split), ...(fate.repeated ? [wait(split)] : [])];
  const deadLetters: Waiting[] = [];
  const faults = fate.faults.values();
  const next = (): Fault => faults.next().value ?? null;
  const early = fate.early.values();

  const sendAll = async (messages: Iterable<Message>) => {
    for (const message of messages) {
      if (next() === 'before') throw new Error('killed while it sent');
      const waiting = wait(message);
      queue.push(waiting);
      if (early.next().value) await deliver(waiting, 64);
    }
  };
  const unreliable = {
    ...dependencies,
    datasets: faulty(datasets, next),
    loads: faulty(dependencies.loads, next),
    files: slowly(dependencies.files),
    producer: { sendAll, send: (message: Message) => sendAll([message]) },
  };

  async function deliver(waiting: Waiting, chunkBytes: number): Promise<void> {
    waiting.receiveCount++;
    const { message, receiveCount } = waiting;
    const lastDelivery = receiveCount >= MAX_RECEIVE_COUNT;
    try {
      await deliverTo({ ...unreliable, chunkBytes }, message, { log, receiveCount, lastDelivery });
    } catch (error) {
      if (!(error as Error).message.startsWith('killed')) throw error;
      if (lastDelivery && queue.includes(waiting))
        deadLetters.push(...queue.splice(queue.indexOf(waiting), 1));
      return;
    }
    if (queue.includes(waiting)) queue.splice(queue.indexOf(waiting), 1);
  }

  const seen: Dataset[] = [];
  for (const [step, picks] of fate.steps.entries()) {
    if (step === fate.deletedAt) {
      queue.push(wait(deleteMessage(ref)));
      if (fate.recorded) await datasets.startDeleting(ref);
    }
    // A form outlives its dataset, but what is uploaded after the deletion is nobody's.
    if (step === fate.replacedAt && step < (fate.deletedAt ?? STEPS)) await upload(ref, csvOf(RECORDS + 5));
    const picked = picks.flatMap((pick) => queue[pick % queue.length] ?? []);
    // A chunk may be delivered to two workers at once, as when the first loses its lease.
    const [chunks, others] = [
      picked.filter(({ message }) => isChunk(message)),
      picked.filter(({ message }) => !isChunk(message)),
    ];
    await Promise.all(
      [...chunks, ...new Set(others)].map((one) => deliver(one, fate.chunkBytes[step] ?? 64)),
    );
    const now = await datasets.get(ref);
    if (now) seen.push(now);
  }

  fate.faults.length = 0; // The rest of them is spared.
  queue.push(...deadLetters.map(({ message }) => wait(message)));
  for (let left = 200; queue.length > 0; left--) {
    if (left === 0) throw new Error('the messages never end');
    const [first] = queue;
    if (first) await deliver({ ...first, receiveCount: 0 }, 64).then(() => queue.shift());
  }
  return { ref, seen, dataset: await datasets.get(ref) };
}

/** What must never be, and is. */
async function violations(fate: Fate, { ref, seen, dataset }: Awaited<ReturnType<typeof live>>) {
  const found: string[] = [];
  for (const [index, { status, progress }] of seen.entries()) {
    const before = seen[index - 1] ?? { status, progress };
    if (progress.chunksLoaded < before.progress.chunksLoaded) found.push('chunks went back');
    if (progress.rowsLoaded < before.progress.rowsLoaded) found.push('rows went back');
    if (before.status === 'ready' && !['ready', 'deleting'].includes(status))
      found.push(`ready became ${status}`);
    if (before.status === 'deleting' && status !== 'deleting') found.push(`deleting became ${status}`);
  }
  if (fate.deletedAt !== null) {
    found.push(...(await worker.remains(ref)));
  } else if (dataset?.status === 'ready') {
    const rows = await worker.rows(ref);
    if (!isDeepStrictEqual(rows, rowsOf(RECORDS))) found.push(`rows ${rows.join()}`);
    const { chunksTotal, chunksLoaded, rowsLoaded, rowsRejected } = dataset.progress;
    if (chunksLoaded !== chunksTotal) found.push(`${chunksLoaded} of ${chunksTotal} chunks`);
    if (rowsLoaded !== rows.length || rowsRejected !== RECORDS - rows.length)
      found.push('the counts are wrong');
  } else if (dataset?.status !== 'failed' || fate.replacedAt === null) {
    found.push(`ends as ${dataset?.status}`);
  }
  return found;
}

test('whatever is killed, delivered twice, late or at once: each row is there once, or nothing at all', async () => {
  const property = fc.asyncProperty(fates, async (fate) => {
    const lived = await live(structuredClone(fate));
    expect(await violations(fate, lived)).toEqual([]);
  });
  await fc.assert(property, { numRuns: RUNS });
});
