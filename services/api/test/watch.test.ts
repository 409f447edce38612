import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { DatasetRef } from '@stowage/datasets';
import type { DatasetView } from '../src/datasets/schemas.ts';
import { createWatch } from '../src/datasets/watch.ts';

const REF: DatasetRef = { tenant: 'a', id: '0193a6f0-0000-7000-8000-000000000000' };

function view(status: DatasetView['status'], chunksLoaded = 0): DatasetView {
  return {
    id: REF.id,
    name: 'n',
    status,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    bytes: 1,
    dialect: { delimiter: ',', header: true, encoding: 'utf-8' },
    columns: ['a'],
    progress: { chunksTotal: 9, chunksLoaded, rowsLoaded: 0, rowsRejected: 0 },
    failure: null,
  };
}

const never = new AbortController().signal;

/** Watches to the end; gives what was shown. */
async function follow(watch: ReturnType<typeof createWatch>, signal = never): Promise<DatasetView[]> {
  const shown: DatasetView[] = [];
  for await (const { event, data } of watch(REF, signal)) {
    expect(event).toBe('progress');
    shown.push(data as DatasetView);
  }
  return shown;
}

/** A dataset that goes through these states, one a read; the last one stays. */
function reads(...states: (DatasetView | undefined)[]) {
  let count = 0;
  const get = (): Promise<DatasetView | undefined> =>
    Promise.resolve(states[Math.min(count++, states.length - 1)]);
  return { get, count: () => count };
}

test('the state is shown at once, then every change, until it is final', async () => {
  const states = [
    view('queued'),
    view('loading', 1),
    view('loading', 1),
    view('loading', 2),
    view('ready', 9),
  ];
  const { get } = reads(...states);
  expect(await follow(createWatch(get))).toEqual(states.filter((_, index) => index !== 2));
});

test.each(['ready', 'failed', 'deleting'] as const)('a dataset that is %s is shown once', async (status) => {
  const { get, count } = reads(view(status));
  expect(await follow(createWatch(get))).toEqual([view(status)]);
  expect(count()).toBe(1);
});

test('a dataset that went between two reads is shown as deleting', async () => {
  const { get } = reads(view('loading', 3), undefined);
  expect(await follow(createWatch(get))).toEqual([view('loading', 3), view('deleting', 3)]);
});

test('a dataset that is gone before its first read has nothing to show', async () => {
  expect(await follow(createWatch(reads(undefined).get))).toEqual([]);
});

test('many who watch one dataset share its reads, whenever they came', async () => {
  const { get, count } = reads(view('loading', 1), view('loading', 2), view('ready', 9));
  const watch = createWatch(get);
  const watchers = Array.from({ length: 50 }, async (_, index) => {
    await sleep(index * 7);
    return follow(watch);
  });
  for (const shown of await Promise.all(watchers)) expect(shown.at(-1)).toEqual(view('ready', 9));
  expect(count()).toBeLessThanOrEqual(5);
});

test('datasets of the same id of two tenants are not mixed up', async () => {
  const watch = createWatch((ref) => Promise.resolve({ ...view('ready'), name: ref.tenant }));
  const names = await Promise.all(
    ['a', 'b'].map(async (tenant) => {
      const { value } = await watch({ ...REF, tenant }, never).next();
      return (value as { data: DatasetView }).data.name;
    }),
  );
  expect(names).toEqual(['a', 'b']);
});

test('a stream ends as soon as nobody listens, and reads no more', async () => {
  const { get, count } = reads(view('loading'));
  const abort = new AbortController();
  const watching = follow(createWatch(get), abort.signal);
  await sleep(50);
  const begun = performance.now();
  abort.abort();
  expect(await watching).toEqual([view('loading')]);
  expect(performance.now() - begun).toBeLessThan(100);
  const before = count();
  await sleep(500);
  expect(count()).toBe(before);
});

test('nothing is read for whoever has left already', async () => {
  const { get, count } = reads(view('loading'));
  expect(await follow(createWatch(get), AbortSignal.abort())).toEqual([]);
  expect(count()).toBe(0);
});

test('a read that fails ends every stream with its error, and nothing is left unhandled', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  onTestFinished(() => void process.off('unhandledRejection', note));
  let count = 0;
  const watch = createWatch(async () => {
    await sleep(5);
    if (++count > 1) throw new Error('no DynamoDB');
    return view('loading');
  });
  const abort = new AbortController();
  // One leaves while the read that will fail is under way, and one comes when it has failed.
  const stays = [follow(watch), follow(watch)];
  const left = watch(REF, abort.signal);
  await left.next();
  const pending = left.next();
  const ends = Promise.allSettled([...stays, pending]);
  await sleep(402);
  abort.abort();
  await ends;
  for (const stay of stays) await expect(stay).rejects.toThrow('no DynamoDB');
  await expect(follow(watch)).rejects.toThrow('no DynamoDB');
  await left.return(undefined);
  await sleep(20);
  expect(unhandled).toEqual([]);
});

test('after a failure the next to watch reads anew', async () => {
  let broken = true;
  const watch = createWatch(() =>
    broken ? Promise.reject(new Error('no DynamoDB')) : Promise.resolve(view('ready')),
  );
  await expect(follow(watch)).rejects.toThrow('no DynamoDB');
  broken = false;
  expect(await follow(watch)).toEqual([view('ready')]);
});
