import { beforeAll, expect, test } from 'vitest';
import type { Database } from '@stowage/postgres';
import { createLoadStore, createReadStore, type LoadStore, type ReadStore } from '../../src/index.ts';
import { type Backends, encoded, newRef, startBackends } from './support.ts';

const CHUNKS = 6;
const ROWS_A_CHUNK = 50_000;
const TOTAL = CHUNKS * ROWS_A_CHUNK;

interface Statement {
  text: string;
  values: unknown[];
}

interface PlanNode {
  'Node Type': string;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
}

let backends: Backends;
let loads: LoadStore;
let reads: ReadStore;
/** What the store has asked Postgres since the test began. */
let statements: Statement[] = [];
/** A dataset whose chunks came out of order, and its number of blocks. */
let id: string;
let blocks: number;

const never = new AbortController().signal;

async function dataset(chunks: { firstRow: number; csv: string }[]): Promise<string> {
  const ref = newRef();
  await loads.prepare(ref, 1);
  for (const [number, { firstRow, csv }] of chunks.entries()) {
    await loads.load(ref.id, encoded(csv, { number, firstRow }), never);
  }
  await loads.finish(ref.id, 2);
  return ref.id;
}

beforeAll(async () => {
  backends = await startBackends();
  const { database } = backends;
  loads = createLoadStore(database);
  const recording: Database = {
    ...database,
    query: (text, values = []) => {
      statements.push({ text, values });
      return database.query(text, values);
    },
  };
  reads = createReadStore(recording);
  const chunks = [2, 0, 4, 1, 5, 3].map((number) => {
    const firstRow = 1 + number * ROWS_A_CHUNK;
    const csv = Array.from(
      { length: ROWS_A_CHUNK },
      (_, index) => `${firstRow + index},some text of row ${firstRow + index}\n`,
    );
    return { firstRow, csv: csv.join('') };
  });
  id = await dataset(chunks);
  const [size] = await database.query<{ blocks: number }>(
    `SELECT (pg_relation_size('dataset_rows."${id}"') / current_setting('block_size')::int)::int AS blocks`,
  );
  blocks = size?.blocks ?? 0;
  // As autovacuum does within a minute. Before, a table as small as this one is read whole.
  await database.query(`ANALYZE dataset_rows."${id}"`);
});

const page = (options: Partial<Parameters<ReadStore['rows']>[1]> = {}) => {
  statements = [];
  return reads.rows(id, { after: 0, limit: 100, lastRow: TOTAL, filters: [], scan: 200_000, ...options });
};

/** How Postgres carries out the statement that the store sent last. */
async function lastPlan(): Promise<{ nodes: string[]; blocks: number }> {
  const { text, values } = statements.at(-1) ?? { text: '', values: [] };
  const [row] = await backends.database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
    values,
  );
  const root = row?.['QUERY PLAN'][0].Plan;
  if (!root) throw new Error('no plan');
  const nodes = (node: PlanNode): string[] => [node['Node Type'], ...(node.Plans ?? []).flatMap(nodes)];
  return { nodes: nodes(root), blocks: root['Shared Hit Blocks'] + root['Shared Read Blocks'] };
}

test.each([0, 123_456, TOTAL - 100])(
  'a page after row %d is found by the index and reads few blocks',
  async (after) => {
    const rows = (await page({ after }))?.rows;
    expect(rows?.map(({ row }) => row)).toEqual(Array.from({ length: 100 }, (_, index) => after + 1 + index));
    const plan = await lastPlan();
    expect(plan.nodes).not.toContain('Seq Scan');
    // 100 rows are on one or two pages; the index is asked twice.
    expect(plan.blocks).toBeLessThan(12);
    expect(blocks).toBeGreaterThan(1_000);
  },
);

test('the largest page is one statement and reads few blocks, too', async () => {
  expect((await page({ after: 140_000, limit: 1_000 }))?.rows).toHaveLength(1_000);
  expect(statements).toHaveLength(1);
  expect((await lastPlan()).blocks).toBeLessThan(24);
});

const ONE = [{ column: 0, equals: '299999' }];

test('a page with filters looks at a bounded part of the dataset', async () => {
  expect(await page({ filters: ONE, scan: 10_000 })).toEqual({ rows: [], nextAfter: 10_000 });
  const plan = await lastPlan();
  expect(plan.nodes).not.toContain('Seq Scan');
  expect(plan.blocks).toBeLessThan(blocks / 20);
});

test('following a filter to its end gives every match', async () => {
  const found = [];
  let pages = 0;
  for (let after: number | null = 0; after !== null; pages++) {
    const { rows, nextAfter }: { rows: { row: number }[]; nextAfter: number | null } = (await page({
      after,
      filters: ONE,
      scan: 70_000,
    })) ?? { rows: [], nextAfter: null };
    found.push(...rows.map(({ row }) => row));
    after = nextAfter;
  }
  expect([found, pages]).toEqual([[299_999], 5]);
});

test('a filtered page that is full goes on after its last row', async () => {
  const filters = [{ column: 0, equals: '5' }];
  const many = await dataset([{ firstRow: 1, csv: '5,x\n6,x\n'.repeat(10) }]);
  const rows = (options: { after: number; limit: number; scan: number }) =>
    reads.rows(many, { lastRow: 20, filters, ...options });
  expect(await rows({ after: 0, limit: 3, scan: 1_000 })).toMatchObject({ nextAfter: 5 });
  expect(await rows({ after: 5, limit: 7, scan: 1_000 })).toMatchObject({
    rows: { length: 7 },
    nextAfter: null,
  });
  expect(await rows({ after: 20, limit: 7, scan: 1_000 })).toEqual({ rows: [], nextAfter: null });
});

test('filters compare text, whatever is in it', async () => {
  const odd = await dataset([{ firstRow: 1, csv: `"%_'","\\"\n"","${'x'.repeat(3_000)}"\n` }]);
  const rows = async (column: number, equals: string) =>
    (
      await reads.rows(odd, { after: 0, limit: 9, lastRow: 2, filters: [{ column, equals }], scan: 1_000 })
    )?.rows.map(({ row }) => row);
  expect(await rows(0, `%_'`)).toEqual([1]);
  expect(await rows(0, '%')).toEqual([]);
  expect(await rows(1, '\\')).toEqual([1]);
  expect(await rows(0, '')).toEqual([2]);
  expect(await rows(1, 'x'.repeat(3_000))).toEqual([2]);
  expect(await rows(7, 'x')).toEqual([]);
  expect(await rows(0, '\0')).toEqual([]);
});

test('of the shortest rows, hundreds to a row group, every page and every match is found', async () => {
  const short = await dataset([{ firstRow: 1, csv: '"",""\n'.repeat(5_000) }]);
  const options = { limit: 9, lastRow: 5_000, scan: 1_000 };
  for (const after of [0, 1, 248, 249, 250, 2_500, 4_991]) {
    const expected = Array.from({ length: 9 }, (_, index) => after + 1 + index);
    for (const filters of [[], [{ column: 1, equals: '' }]]) {
      const { rows } = (await reads.rows(short, { after, ...options, filters })) ?? { rows: [] };
      expect(rows.map(({ row }) => row)).toEqual(expected);
    }
  }
});

test('a page crosses a gap of half a million rejected records in a few statements', async () => {
  const gap = await dataset([
    { firstRow: 1, csv: '1,first\n' },
    { firstRow: 500_000, csv: '2,last\n' },
  ]);
  const rows = (after: number, limit: number) => {
    statements = [];
    return reads.rows(gap, { after, limit, lastRow: 500_000, filters: [], scan: 200_000 });
  };
  const both = [
    { row: 1, cells: '["1","first"]' },
    { row: 500_000, cells: '["2","last"]' },
  ];
  expect(await rows(0, 100)).toEqual({ rows: both, nextAfter: null });
  expect(statements.length).toBeLessThan(9);
  expect(await rows(0, 1)).toEqual({ rows: both.slice(0, 1), nextAfter: 1 });
  expect(await rows(1, 1)).toEqual({ rows: both.slice(1), nextAfter: null });
  expect(await rows(500_000, 1)).toEqual({ rows: [], nextAfter: null });
});

test('a page of rejects is found by its key, however many there are', async () => {
  const { database } = backends;
  // Six datasets with as many as are kept of one.
  await database.query(
    `INSERT INTO stowage.rejects (dataset_id, row_no, line, reason, detail, raw)
     SELECT ('0193a6f0-0000-7000-8000-00000000000' || d)::uuid, n, n, 'nul_character', 'd', repeat('x', 100)
     FROM generate_series(1, 6) d, generate_series(1, 10000) n`,
  );
  await database.query('ANALYZE stowage.rejects');
  statements = [];
  const options = { after: 7_000, limit: 1_000 };
  const { items } = await reads.rejects('0193a6f0-0000-7000-8000-000000000003', options);
  expect(items).toHaveLength(1_000);
  const plan = await lastPlan();
  expect(plan.nodes).toContain('Index Scan');
  expect(plan.nodes).not.toContain('Seq Scan');
  // About 40 rejects a block, and the index.
  expect(plan.blocks).toBeLessThan(64);
});

test('rejects are paged by row number', async () => {
  const bad = await dataset([{ firstRow: 1, csv: 'no\n1,x\nno\nno\n' }]);
  const first = await reads.rejects(bad, { after: 0, limit: 2 });
  expect(first).toMatchObject({
    items: [
      { row: 1, line: 2, reason: 'wrong_cell_count', detail: '1 cell, expected 2', raw: 'no' },
      { row: 3 },
    ],
    nextAfter: 3,
  });
  expect(await reads.rejects(bad, { after: 3, limit: 2 })).toMatchObject({
    items: [{ row: 4 }],
    nextAfter: null,
  });
});

test('of a dataset that was deleted meanwhile there are no rows, and that is said', async () => {
  const { id: gone } = newRef();
  const options = { after: 0, limit: 10, lastRow: 5, scan: 1_000 };
  expect(await reads.rows(gone, { ...options, filters: [] })).toBeUndefined();
  expect(await reads.rows(gone, { ...options, filters: ONE })).toBeUndefined();
  expect(await reads.rejects(gone, options)).toEqual({ items: [], nextAfter: null });
  expect(await reads.profile(gone)).toBeUndefined();
});
