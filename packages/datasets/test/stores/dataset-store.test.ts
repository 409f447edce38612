import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { v7 as uuidv7 } from 'uuid';
import { beforeAll, expect, test } from 'vitest';
import {
  createDatasetStore,
  type DatasetRef,
  type DatasetStore,
  type Dialect,
  type Status,
  STATUSES,
  UPLOAD_WAIT_SECONDS,
} from '../../src/index.ts';
import { datasetKey } from '../../src/stores/dataset-item.ts';
import { type Backends, newRef, startBackends } from './support.ts';

let backends: Backends;
let store: DatasetStore;
/** The store's clock, in milliseconds since the epoch. */
let now = Date.UTC(2026, 0, 1);

beforeAll(async () => {
  backends = await startBackends();
  store = createDatasetStore({ ...backends, now: () => now });
});

const DIALECT: Dialect = { delimiter: ',', header: true, encoding: 'utf-8' };
const create = (ref: DatasetRef) =>
  store.create({ ...ref, name: 'n', dialect: { ...DIALECT, delimiter: 'auto' } });
const itemOf = async (ref: DatasetRef) =>
  (
    await backends.dynamodb.send(
      new GetCommand({ TableName: backends.table, Key: datasetKey(ref), ConsistentRead: true }),
    )
  ).Item;

const FAILURE = { code: 'loading_failed', detail: 'why' } as const;
const HEAD = { dialect: DIALECT, columns: ['a', 'b'] };
const progress = { chunksTotal: 2, chunksLoaded: 1, rowsLoaded: 10, rowsRejected: 1 };
const all = { chunksTotal: 2, chunksLoaded: 2, rowsLoaded: 20, rowsRejected: 2 };

const transitions = {
  enqueue: (ref) => store.enqueue(ref, { etag: '"e"', bytes: 5 }),
  startLoading: (ref) => store.startLoading(ref, HEAD),
  recordProgress: (ref) => store.recordProgress(ref, progress, false),
  'recordProgress of the last chunk': (ref) => store.recordProgress(ref, all, true),
  recordLoaded: (ref) => store.recordLoaded(ref, HEAD, all),
  fail: (ref) => store.fail(ref, FAILURE),
  startDeleting: (ref) => store.startDeleting(ref),
} satisfies Record<string, (ref: DatasetRef) => Promise<unknown>>;
type Transition = keyof typeof transitions;

/** The drawing in dataset.ts: from which state a transition leads to which. */
const ARROWS: Record<Transition, Partial<Record<Status, Status>>> = {
  enqueue: { awaiting_upload: 'queued' },
  startLoading: { queued: 'loading', loading: 'loading', failed: 'loading' },
  recordProgress: { loading: 'loading', failed: 'failed' },
  'recordProgress of the last chunk': { loading: 'ready', failed: 'ready' },
  recordLoaded: { queued: 'ready', loading: 'ready', failed: 'ready' },
  fail: { queued: 'failed', loading: 'failed' },
  startDeleting: {
    awaiting_upload: 'deleting',
    queued: 'deleting',
    loading: 'deleting',
    ready: 'deleting',
    failed: 'deleting',
    deleting: 'deleting',
  },
};

/** The way from a new dataset to each state. */
const WAYS: Record<Status, Transition[]> = {
  awaiting_upload: [],
  queued: ['enqueue'],
  loading: ['enqueue', 'startLoading'],
  ready: ['enqueue', 'startLoading', 'recordProgress of the last chunk'],
  failed: ['enqueue', 'startLoading', 'fail'],
  deleting: ['startDeleting'],
};

async function datasetIn(status: Status): Promise<DatasetRef> {
  const ref = newRef();
  await create(ref);
  for (const transition of WAYS[status]) await transitions[transition](ref);
  return ref;
}

const names = Object.keys(transitions) as Transition[];
const pairs = names.flatMap((name) => STATUSES.map((from) => ({ name, from, to: ARROWS[name][from] })));

test.each(pairs.filter(({ to }) => to))('$name: $from → $to', async ({ name, from, to }) => {
  const ref = await datasetIn(from);
  now += 1_000;
  const after = await transitions[name](ref);
  expect(after).toMatchObject({ status: to, updatedAt: new Date(now).toISOString() });
  expect(await store.get(ref)).toEqual(after);
});

test.each(pairs.filter(({ to }) => !to))('$name is refused when $from', async ({ name, from }) => {
  const ref = await datasetIn(from);
  const before = await itemOf(ref);
  now += 1_000;
  expect(await transitions[name](ref)).toBeUndefined();
  expect(await itemOf(ref)).toEqual(before);
});

test.each(names)('%s of a dataset that is gone is refused and brings nothing back', async (name) => {
  const ref = await datasetIn('deleting');
  await store.remove(ref);
  expect(await transitions[name](ref)).toBeUndefined();
  expect(await itemOf(ref)).toBeUndefined();
});

test.each(STATUSES)('remove: %s → gone, and again', async (from) => {
  const ref = await datasetIn(from);
  await store.remove(ref);
  await store.remove(ref);
  expect(await store.get(ref)).toBeUndefined();
});

test('a dataset that is created once more, since an answer was lost, is the same; what came of it stays', async () => {
  const ref = newRef();
  const created = await create(ref);
  expect(await create(ref)).toEqual(created);
  await transitions.enqueue(ref);
  await create(ref);
  expect(await store.get(ref)).toMatchObject({ status: 'queued', etag: '"e"' });
});

test('late news of progress changes nothing', async () => {
  const ref = await datasetIn('loading');
  await store.recordProgress(ref, all, false);
  const before = await itemOf(ref);
  expect(await store.recordProgress(ref, progress, false)).toBeUndefined();
  expect(await itemOf(ref)).toEqual(before);
});

test('how many chunks there are becomes known while none comes in', async () => {
  const ref = await datasetIn('loading');
  const unknown = await store.recordProgress(ref, { ...progress, chunksTotal: null }, false);
  expect(unknown?.progress).toEqual({ ...progress, chunksTotal: null });
  expect((await store.recordProgress(ref, progress, false))?.progress).toEqual(progress);
});

test('a file that is split again keeps the progress so far', async () => {
  const ref = await datasetIn('loading');
  await transitions.recordProgress(ref);
  expect((await transitions.startLoading(ref))?.progress).toEqual(progress);
});

test('a failed dataset says why until it is loaded after all', async () => {
  const ref = await datasetIn('failed');
  expect((await store.get(ref))?.failure).toEqual(FAILURE);
  expect((await transitions.recordProgress(ref))?.failure).toEqual(FAILURE);
  expect((await transitions['recordProgress of the last chunk'](ref))?.failure).toBeNull();
});

test('a failed dataset that is deleted still says why', async () => {
  const ref = await datasetIn('failed');
  expect((await transitions.startDeleting(ref))?.failure).toEqual(FAILURE);
});

test('of two uploads that are completed at once, one wins, whole', async () => {
  for (let round = 0; round < 10; round++) {
    const ref = newRef();
    await create(ref);
    const files = [
      { etag: '"one"', bytes: 1 },
      { etag: '"two"', bytes: 2 },
    ];
    const results = await Promise.all(files.map((file) => store.enqueue(ref, file)));
    const winner = results.findIndex(Boolean);
    expect(results[1 - winner]).toBeUndefined();
    expect(await store.get(ref)).toMatchObject({ status: 'queued', ...files[winner] });
  }
});

test('a dataset that nobody completes is gone after a day, though its item is still there', async () => {
  const ref = newRef('waits');
  await create(ref);
  now += (UPLOAD_WAIT_SECONDS - 1) * 1_000;
  expect((await store.get(ref))?.status).toBe('awaiting_upload');
  expect((await store.list('waits', { limit: 10 })).items).toHaveLength(1);
  now += 1_000;
  expect(await store.get(ref)).toBeUndefined();
  expect(await store.list('waits', { limit: 10 })).toEqual({ items: [], next: null });
  expect(await itemOf(ref)).toBeDefined();
});

test.each(['enqueue', 'startDeleting'] as const)('%s ends the expiry', async (name) => {
  const ref = newRef('stays');
  await create(ref);
  await transitions[name](ref);
  now += 10 * UPLOAD_WAIT_SECONDS * 1_000;
  expect(await itemOf(ref)).not.toHaveProperty('expiresAt');
  expect(await store.get(ref)).toBeDefined();
  await store.remove(ref);
});

test('pages are full, newest first, each dataset once, whatever has expired in between', async () => {
  const tenant = 'pages';
  const live: string[] = [];
  for (let number = 0; number < 60; number++) {
    const ref = newRef(tenant);
    await create(ref);
    if (number % 3 === 0 && number !== 30 && number !== 33) {
      await store.enqueue(ref, { etag: '"e"', bytes: 1 });
      live.unshift(ref.id);
    }
  }
  now += 2 * UPLOAD_WAIT_SECONDS * 1_000;

  const pages: string[][] = [];
  for (let after: string | undefined; ;) {
    const { items, next } = await store.list(tenant, { limit: 6, after });
    pages.push(items.map(({ id }) => id));
    if (next === null) break;
    after = next;
  }
  expect(pages).toEqual([live.slice(0, 6), live.slice(6, 12), live.slice(12)]);
});

test('the last page is known to be the last also when it is full', async () => {
  const tenant = 'full';
  for (let number = 0; number < 4; number++) await create(newRef(tenant));
  const first = await store.list(tenant, { limit: 2 });
  expect(first.next).toBe(first.items[1]?.id);
  const second = await store.list(tenant, { limit: 2, after: first.next ?? '' });
  expect([second.items.length, second.next]).toEqual([2, null]);
});

test('expired datasets in between cost a page few queries', async () => {
  const tenant = 'abandoned';
  const put = (status: Status, expiresAt: number | undefined) => {
    const item = { ...datasetKey({ tenant, id: uuidv7() }), name: 'n', status, dialect: DIALECT, expiresAt };
    return backends.dynamodb.send(new PutCommand({ TableName: backends.table, Item: item }));
  };
  await put('ready', undefined);
  for (let number = 0; number < 200; number++) await put('awaiting_upload', 1);
  for (let number = 0; number < 20; number++) await put('ready', undefined);

  let queries = 0;
  const send: typeof backends.dynamodb.send = (...call: [never]) => {
    queries++;
    return backends.dynamodb.send(...call);
  };
  const counted = createDatasetStore({
    ...backends,
    dynamodb: Object.assign(Object.create(backends.dynamodb), { send }),
  });
  const page = await counted.list(tenant, { limit: 20 });
  expect([page.items.length, page.next]).toEqual([20, page.items.at(-1)?.id]);
  expect(queries).toBeLessThan(15);
});

test('a tenant sees and changes nothing of another', async () => {
  const ref = newRef('owner');
  await create(ref);
  const other = { ...ref, tenant: 'other' };
  expect(await store.get(other)).toBeUndefined();
  expect((await store.list('other', { limit: 10 })).items).toEqual([]);
  for (const name of names) expect(await transitions[name](other)).toBeUndefined();
  await store.remove(other);
  expect((await store.get(ref))?.status).toBe('awaiting_upload');
});

test('a tenant whose name begins with another’s, or looks like a key, is another tenant', async () => {
  for (const tenant of ['x', 'xy', 'x#dataset#', 'tenant#x']) await create(newRef(tenant));
  for (const tenant of ['x', 'xy', 'x#dataset#', 'tenant#x']) {
    const { items } = await store.list(tenant, { limit: 10 });
    expect(items.map((dataset) => dataset.tenant)).toEqual([tenant]);
  }
});

/** 1 MiB of names, which no item holds. */
const WIDE = Array.from({ length: 1_600 }, (_, index) => `${index} ${'n'.repeat(650)}`);

test.each([
  ['1,600 long names', WIDE],
  ['one name of 1 MiB', ['n'.repeat(1024 * 1024)]],
  ['names as short as usual', ['a', 'b']],
])('column names come back whole: %s', async (_what, columns) => {
  const ref = newRef('wide');
  await create(ref);
  await transitions.enqueue(ref);
  const loading = await store.startLoading(ref, { dialect: DIALECT, columns });
  expect(loading?.columns).toEqual(columns);
  expect((await store.get(ref))?.columns).toEqual(columns);
  const { items } = await store.list('wide', { limit: 1 });
  expect(items[0]?.columns).toEqual(columns);
});

test('a dataset whose long names are removed already can still be seen, listed and deleted', async () => {
  const ref = newRef('half deleted');
  await create(ref);
  await transitions.enqueue(ref);
  await store.startLoading(ref, { dialect: DIALECT, columns: WIDE });
  await transitions.startDeleting(ref);
  await backends.files.remove(ref.id);
  const seen = { status: 'deleting', columns: null };
  expect(await store.get(ref)).toMatchObject(seen);
  expect((await store.list(ref.tenant, { limit: 10 })).items).toMatchObject([seen]);
  expect(await store.startDeleting(ref)).toMatchObject(seen);
});
