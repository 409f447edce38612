import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { beforeAll, expect, test } from 'vitest';
import {
  createLoadStore,
  createReadStore,
  type DatasetRef,
  type EncodedChunk,
  type LoadStore,
  MAX_REJECTS,
} from '../../src/index.ts';
import { eachRow } from '../../../../test/support/each-row.ts';
import { type Backends, encoded, newRef, startBackends } from './support.ts';

let backends: Backends;
let loads: LoadStore;
beforeAll(async () => {
  backends = await startBackends();
  loads = createLoadStore(backends.database);
});

const never = new AbortController().signal;
const CHUNK_BYTES = 100;
/** Two rows and a reject. */
const CSV = '1,one\nno\n3,three\n';

async function prepared(chunksTotal = 2): Promise<DatasetRef> {
  const ref = newRef();
  await loads.prepare(ref, CHUNK_BYTES);
  await loads.setChunksTotal(ref.id, chunksTotal);
  return ref;
}

async function rowsOf(id: string): Promise<{ row: number; cells: string[] }[]> {
  const rows = await backends.database.query<{ row_no: string; cells: string[] }>(
    `SELECT row_no, cells FROM ${eachRow(id)} ORDER BY row_no`,
  );
  return rows.map(({ row_no, cells }) => ({ row: Number(row_no), cells }));
}

async function rejectedRows(id: string): Promise<number[]> {
  const rows = await backends.database.query<{ row: number }>(
    `SELECT row_no::int AS row FROM stowage.rejects WHERE dataset_id = $1 ORDER BY row_no`,
    [id],
  );
  return rows.map(({ row }) => row);
}

/** Everything that Postgres has of a dataset. */
async function remains(id: string): Promise<object> {
  const [found] = await backends.database.query<{ rows: string | null }>(
    `SELECT to_regclass('dataset_rows."${id}"') AS rows,
            (SELECT count(*)::int FROM stowage.datasets WHERE id = $1) AS datasets,
            (SELECT count(*)::int FROM stowage.chunks WHERE dataset_id = $1) AS chunks,
            (SELECT count(*)::int FROM stowage.rejects WHERE dataset_id = $1) AS rejects`,
    [id],
  );
  return found ?? {};
}
const NOTHING = { rows: null, datasets: 0, chunks: 0, rejects: 0 };

const ROWS = [
  { row: 1, cells: ['1', 'one'] },
  { row: 3, cells: ['3', 'three'] },
];

test('a dataset is prepared by whoever comes first, however many come', async () => {
  const ref = newRef();
  await Promise.all(Array.from({ length: 4 }, () => loads.prepare(ref, CHUNK_BYTES)));
  expect(await loads.ledger(ref.id)).toEqual({
    chunksTotal: null,
    chunksLoaded: 0,
    rowsLoaded: 0,
    rowsRejected: 0,
    finished: false,
  });
});

test('whoever prepares a dataset again learns by which size it was cut', async () => {
  const ref = newRef();
  expect(await loads.prepare(ref, 100)).toBe(100);
  expect(await loads.prepare(ref, 200)).toBe(100);
});

test('an id that is no UUID never becomes SQL', async () => {
  const ref = { tenant: 'a', id: 'x"; DROP SCHEMA stowage; --' };
  await expect(loads.prepare(ref, CHUNK_BYTES)).rejects.toThrow(/uuid/i);
  await expect(loads.load(ref.id, encoded(CSV), never)).rejects.toThrow(/uuid/i);
});

test('a chunk is loaded: rows, rejects and its entry in the ledger', async () => {
  const { id } = await prepared();
  expect(await loads.load(id, encoded(CSV), never)).toBe('loaded');
  expect(await rowsOf(id)).toEqual(ROWS);
  expect(await rejectedRows(id)).toEqual([2]);
  expect(await loads.ledger(id)).toMatchObject({ chunksLoaded: 1, rowsLoaded: 2, rowsRejected: 1 });
});

test('a chunk that comes again is not loaded again', async () => {
  const { id } = await prepared();
  await loads.load(id, encoded(CSV), never);
  const ledger = await loads.ledger(id);
  expect(await loads.load(id, encoded(CSV), never)).toBe('already');
  expect(await rowsOf(id)).toEqual(ROWS);
  expect(await loads.ledger(id)).toEqual(ledger);
});

test('of workers with the same chunk at once, one loads it', async () => {
  const { id } = await prepared();
  const csv = Array.from({ length: 20_000 }, (_, index) => `${index},x\n`).join('');
  const outcomes = await Promise.all(Array.from({ length: 4 }, () => loads.load(id, encoded(csv), never)));
  expect(outcomes.toSorted()).toEqual(['already', 'already', 'already', 'loaded']);
  expect(await rowsOf(id)).toHaveLength(20_000);
});

test('when the worker that was quicker fails, the one that waited loads', async () => {
  const { id } = await prepared();
  const holder = new pg.Client({ connectionString: backends.databaseUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(`INSERT INTO stowage.chunks (dataset_id, number, rows, rejected) VALUES ($1, 0, 9, 9)`, [
    id,
  ]);
  const waiting = loads.load(id, encoded(CSV), never);
  await untilLocked();
  await holder.end();
  expect(await waiting).toBe('loaded');
  expect(await rowsOf(id)).toEqual(ROWS);
});

test('a chunk of a dataset that was never prepared, or was removed, is not loaded', async () => {
  const ref = newRef();
  expect(await loads.load(ref.id, encoded(CSV), never)).toBe('gone');
  await loads.prepare(ref, CHUNK_BYTES);
  await loads.remove(ref);
  expect(await loads.load(ref.id, encoded(CSV), never)).toBe('gone');
  expect(await loads.ledger(ref.id)).toBeUndefined();
});

test('when Postgres ends a COPY while the next block is made, its error is what is thrown', async () => {
  const { id } = await prepared();
  const chunk = encoded('1,x\n'.repeat(400_000));
  const failed = loads.load(
    id,
    {
      ...chunk,
      async *blocks() {
        for (const block of chunk.blocks()) {
          yield block;
          await untilEnded(id);
        }
      },
    },
    never,
  );
  await expect(failed).rejects.toMatchObject({ code: '57P01' });
  expect(await loads.load(id, encoded(CSV), never)).toBe('loaded');
});

/** Ends the backend that copies into the dataset, and returns when it is gone and its client has heard of it. */
async function untilEnded(id: string): Promise<void> {
  const copies = `FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE 'COPY %${id}%'`;
  await backends.database.query(`SELECT pg_terminate_backend(pid) ${copies}`);
  await expect.poll(() => backends.database.query(`SELECT pid ${copies}`)).toEqual([]);
  await setImmediate();
}

const BREAKS: [where: string, chunk: () => EncodedChunk][] = [
  [
    'before the first row',
    () => ({
      ...encoded(CSV),
      blocks: () => {
        throw new Error('broken');
      },
    }),
  ],
  [
    'between rows',
    () => {
      const chunk = encoded('1,x\n'.repeat(400_000));
      return {
        ...chunk,
        *blocks() {
          let left = 2;
          for (const block of chunk.blocks()) {
            if (left-- === 0) throw new Error('broken');
            yield block;
          }
        },
      };
    },
  ],
  [
    'after the last row',
    () => ({
      ...encoded(CSV),
      result: () => {
        throw new Error('broken');
      },
    }),
  ],
  [
    'after the rejects',
    () => {
      const chunk = encoded(CSV);
      const profile = Object.assign([], {
        toJSON: () => {
          throw new Error('broken');
        },
      });
      return { ...chunk, result: () => ({ ...chunk.result(), profile }) };
    },
  ],
];

test.each(BREAKS)('a load that breaks %s leaves nothing, and can be done again', async (_where, chunk) => {
  const { id } = await prepared();
  await expect(loads.load(id, chunk(), never)).rejects.toThrow('broken');
  expect(await remains(id)).toMatchObject({ datasets: 1, chunks: 0, rejects: 0 });
  expect(await rowsOf(id)).toEqual([]);
  expect(await loads.load(id, encoded(CSV), never)).toBe('loaded');
  expect(await rowsOf(id)).toEqual(ROWS);
});

test('a load that is aborted leaves nothing, and can be done again', async () => {
  const { id } = await prepared();
  const abort = new AbortController();
  const chunk = encoded('1,x\n'.repeat(400_000));
  const failed = loads.load(
    id,
    {
      ...chunk,
      *blocks() {
        let left = 2;
        for (const block of chunk.blocks()) {
          if (left-- === 0) abort.abort(new Error('lease lost'));
          yield block;
        }
      },
    },
    abort.signal,
  );
  await expect(failed).rejects.toThrow('lease lost');
  expect(await loads.load(id, encoded(CSV), never)).toBe('loaded');
  expect(await rowsOf(id)).toEqual(ROWS);
});

test('chunks may come in any order', async () => {
  const { id } = await prepared();
  await loads.load(id, encoded(CSV, { number: 1, firstRow: 4 }), never);
  await loads.load(id, encoded(CSV, { number: 0, firstRow: 1 }), never);
  expect((await rowsOf(id)).map(({ row }) => row)).toEqual([1, 3, 4, 6]);
  expect(await loads.ledger(id)).toMatchObject({ chunksLoaded: 2, rowsLoaded: 4, rowsRejected: 2 });
});

test('finishing merges the profile of the chunks, once, however often it is done', async () => {
  const { id } = await prepared();
  await loads.load(id, encoded('5,x\n', { number: 0, firstRow: 1 }), never);
  await loads.load(id, encoded('7,y\n', { number: 1, firstRow: 2 }), never);
  const reads = createReadStore(backends.database);
  expect(await reads.profile(id)).toBeUndefined();
  await Promise.all([loads.finish(id, 2), loads.finish(id, 2)]);
  await loads.finish(id, 2);
  expect(await reads.profile(id)).toMatchObject([
    { nonEmpty: 2, numbers: { min: 5, max: 7 } },
    { nonEmpty: 2, text: { min: 'x', max: 'y' }, numbers: null },
  ]);
});

test('a dataset without chunks can be finished, one that is gone need not be', async () => {
  const { id } = await prepared(0);
  await loads.finish(id, 3);
  expect(await createReadStore(backends.database).profile(id)).toHaveLength(3);
  await loads.finish(newRef().id, 3);
});

test('a file of one chunk is loaded and finished at once, however often and by however many', async () => {
  const ref = newRef();
  const whole = () =>
    loads.loadWhole(ref, { chunkBytes: CHUNK_BYTES, columnCount: 2, chunk: encoded(CSV) }, never);
  expect(await Promise.all([whole(), whole()])).toEqual([CHUNK_BYTES, CHUNK_BYTES]);
  expect(await whole()).toBe(CHUNK_BYTES);
  expect(await rowsOf(ref.id)).toEqual(ROWS);
  expect(await loads.ledger(ref.id)).toEqual({
    chunksTotal: 1,
    chunksLoaded: 1,
    rowsLoaded: 2,
    rowsRejected: 1,
    finished: true,
  });
});

test('a file that was cut otherwise before is not loaded whole', async () => {
  const { id, tenant } = await prepared();
  const file = { chunkBytes: 2 * CHUNK_BYTES, columnCount: 2, chunk: encoded(CSV) };
  expect(await loads.loadWhole({ id, tenant }, file, never)).toBe(CHUNK_BYTES);
  expect(await rowsOf(id)).toEqual([]);
});

test('only the first rejects are kept, whichever chunk comes first', async () => {
  const { id } = await prepared(3);
  const csv = 'no\n'.repeat(6_000);
  for (const number of [2, 0, 1]) {
    await loads.load(id, encoded(csv, { number, firstRow: 1 + number * 6_000 }), never);
  }
  await loads.finish(id, 2);
  expect(await rejectedRows(id)).toEqual(Array.from({ length: MAX_REJECTS }, (_, index) => index + 1));
  expect(await loads.ledger(id)).toMatchObject({ rowsLoaded: 0, rowsRejected: 18_000 });
});

test('removing leaves nothing, twice if need be, and nothing of others is touched', async () => {
  const [ref, other] = [await prepared(), await prepared()];
  for (const { id } of [ref, other]) await loads.load(id, encoded(CSV), never);
  expect(await Promise.all([loads.remove(ref), loads.remove(ref)])).toEqual(
    expect.arrayContaining([true, false]),
  );
  expect(await loads.remove(ref)).toBe(false);
  expect(await remains(ref.id)).toEqual(NOTHING);
  expect(await rowsOf(other.id)).toEqual(ROWS);
});

test('a tenant cannot remove what another has', async () => {
  const ref = await prepared();
  expect(await loads.remove({ ...ref, tenant: 'other' })).toBe(false);
  expect(await loads.load(ref.id, encoded(CSV), never)).toBe('loaded');
});

/** Waits until a statement of somebody waits for a lock. */
async function untilLocked(count = 1): Promise<void> {
  const waiting = async () => {
    const rows = await backends.database.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.length;
  };
  await expect.poll(waiting, { timeout: 5_000, interval: 10 }).toBeGreaterThanOrEqual(count);
}

test('removing waits for a load in flight, and a load that comes after it finds nothing', async () => {
  const ref = await prepared();
  const holder = new pg.Client({ connectionString: backends.databaseUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query(`LOCK TABLE dataset_rows."${ref.id}" IN SHARE MODE`);
  const load = loads.load(ref.id, encoded(CSV), never);
  await untilLocked(1);
  const removal = loads.remove(ref);
  await untilLocked(2);
  const late = loads.load(ref.id, encoded(CSV, { number: 1, firstRow: 4 }), never);
  await holder.end();
  expect(await load).toBe('loaded');
  expect(await removal).toBe(true);
  // It was either before the removal or after it; nothing of it is left in either case.
  expect(await late).toMatch(/^(loaded|gone)$/);
  expect(await remains(ref.id)).toEqual(NOTHING);
});
