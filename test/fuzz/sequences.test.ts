import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import { createClient, type DatasetView, type Page, type Row, type Upload } from '../support/client.ts';
import { inLanes, share } from './budget.ts';
import { readContract } from './contract.ts';
import { type Answer, exchange } from './exchange.ts';
import { accept } from './judge.ts';
import { expected, type Reading, readings, type Table, tables } from './table.ts';

const url = inject('fuzzedUrl');
const client = createClient(url);
const contract = await readContract(url);

/** What is asked of a dataset, as `METHOD /part`. */
const READS = ['GET', 'GET /rows', 'GET /rejects', 'GET /profile', 'GET /events'] as const;
type Step = (typeof READS)[number] | 'POST /complete' | 'DELETE';

interface Life {
  table: Table;
  /** Before the file is there, while it is being loaded, and after the deletion. */
  early: Step[];
  meanwhile: Step[];
  late: Step[];
  readings: Reading[];
}

const lives: fc.Arbitrary<Life> = tables.chain((table) => {
  const steps = fc.array(fc.constantFrom<Step>(...READS, 'POST /complete'), { maxLength: 4 });
  return fc.record({
    table: fc.constant(table),
    early: steps,
    meanwhile: steps,
    late: fc.array(fc.constantFrom<Step>(...READS, 'POST /complete', 'DELETE'), { maxLength: 4 }),
    readings: fc.array(readings(table), { minLength: 1, maxLength: 8 }),
  });
});

/** Requests that a life takes, on average. */
const REQUESTS_A_LIFE = 13;

test('a dataset answers as the contract says all its life, and gives back the file', () =>
  inLanes(
    share(0.05) / REQUESTS_A_LIFE,
    (parameters) => fc.assert(fc.asyncProperty(lives, live), parameters),
    4,
  ));

async function live({ table, early, meanwhile, late, readings: wanted }: Life): Promise<void> {
  const body = Buffer.from(JSON.stringify({ name: 'life', dialect: table.dialect }));
  const created = await ask('POST', '', 'application/json', body);
  const { dataset, upload } = JSON.parse(created.body) as { dataset: DatasetView; upload: Upload };
  const { id } = dataset;

  await all(early, id, { GET: 200, 'GET /events': 200, 'POST /complete': 409 }, 409);
  const stored = await client.upload(upload, new Blob([new Uint8Array(table.file)]));
  expect(stored.ok).toBe(true);
  expect((await ask('POST', `/${id}/complete`)).status).toBe(202);
  await all(meanwhile, id, { GET: 200, 'GET /events': 200, 'POST /complete': 202 }, 200, 409);

  const loaded = await client.until(id, ({ status }) => status === 'ready' || status === 'failed');
  expect(loaded).toMatchObject({ status: 'ready', columns: table.columns, failure: null });
  expect(loaded.progress).toMatchObject({ rowsLoaded: table.rows.length, rowsRejected: 0 });
  for (const reading of wanted) await readsAs(id, table, reading);

  expect((await ask('DELETE', `/${id}`)).status).toBe(202);
  // Gone at any moment from here on.
  await all(late, id, { GET: 200, DELETE: 202 }, 409, 404);
}

/** Follows the pages to the end. */
async function readsAs(id: string, table: Table, reading: Reading): Promise<void> {
  const { limit, filters } = reading;
  const where = filters.map(
    ({ column, text }) =>
      `&${encodeURIComponent(`where.${table.columns[column]}`)}=${encodeURIComponent(text)}`,
  );
  const seen: number[] = [];
  for (let after: number | null = reading.after; after !== null;) {
    const { body } = await ask('GET', `/${id}/rows?limit=${limit}&after=${after}${where.join('')}`);
    const page = JSON.parse(body) as Page<Row>;
    expect(page.items.length).toBeLessThanOrEqual(limit);
    for (const { row, values } of page.items) {
      const cells = table.columns.map((name, index) => [name, table.rows[row - 1]?.[index]] as const);
      expect(new Map(Object.entries(values))).toEqual(new Map(cells));
      seen.push(row);
    }
    if (page.nextAfter !== null) expect(page.nextAfter).toBeGreaterThan(after);
    after = page.nextAfter;
  }
  expect(seen).toEqual(expected(table, reading));
}

/** Takes steps all at once. Each must answer with the status given for it, if any, or one of the others. */
async function all(
  steps: Step[],
  id: string,
  own: Partial<Record<Step, number>>,
  ...others: number[]
): Promise<void> {
  await Promise.all(
    steps.map(async (step) => {
      const [method = '', part = ''] = step.split(' ');
      const { status, body } = await ask(method, `/${id}${part}`);
      const given = own[step];
      const fitting = given === undefined ? others : [given, ...others.filter((each) => each === 404)];
      expect(fitting, `${step}: ${body}`).toContain(status);
    }),
  );
}

/** A request that fits its operation, judged as any other. */
async function ask(method: string, rest: string, type?: string, body?: Buffer): Promise<Answer> {
  const request = {
    method,
    target: `/v1/datasets${rest}`,
    headers: { ...(type && { 'content-type': type }), 'content-length': String(body?.length ?? 0) },
    ...(body && { body }),
  };
  const path = `/v1/datasets${rest.replace(/^\/[^/?]+/, '/{id}').replace(/\?.*/, '')}`;
  const operation = contract.operations.find((each) => each.path === path && each.method === method);
  if (!operation) throw new Error(`the contract has no ${method} ${path}`);
  const answer = await exchange(url, request);
  accept({ contract, operation, request, answer });
  return answer;
}
