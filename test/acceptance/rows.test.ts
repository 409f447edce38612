import { beforeAll, expect, inject, test } from 'vitest';
import { createClient, type DatasetView, type Row } from '../support/client.ts';

const url = inject('url');
const client = createClient(url);

interface Page {
  items: Row[];
  nextAfter: number | null;
}

const COLOURS = ['red', 'green', 'blue'];
const TOTAL = 10_000;
let dataset: DatasetView;

beforeAll(async () => {
  const records = Array.from(
    { length: TOTAL },
    (_, index) => `${index + 1},${COLOURS[index % 3]},"x,${index}"`,
  );
  // Two records in the middle are rejected, so that row numbers have gaps.
  records[499] = 'one cell too many,,,';
  records[500] = 'too few';
  dataset = await client.load('paged', `id,colour,text\n${records.join('\n')}\n`);
});

const page = (query: string) => client.json<Page>('GET', `/v1/datasets/${dataset.id}/rows?${query}`);

test('counts add up to the records of the file', () => {
  expect(dataset).toMatchObject({ status: 'ready', progress: { rowsLoaded: TOTAL - 2, rowsRejected: 2 } });
});

test('pages are keyset by row number, full until the last, and give every row once, in order', async () => {
  const rows = await client.rows(dataset.id);
  expect(rows).toHaveLength(TOTAL - 2);
  expect(rows.map(({ row }) => row)).toEqual(rows.map(({ row }) => row).toSorted((a, b) => a - b));
  expect(rows[0]).toEqual({ row: 1, values: { id: '1', colour: 'red', text: 'x,0' } });
  expect(rows.at(-1)?.values['id']).toBe(String(TOTAL));
});

test('a page has a hundred rows or rejects unless another number is asked for', async () => {
  expect(await page('')).toMatchObject({ items: { length: 100 }, nextAfter: 100 });
  const { id } = await client.load('rejected', `a,b\n${'1\n'.repeat(150)}`);
  const rejects = (query: string) => client.json<Page>('GET', `/v1/datasets/${id}/rejects${query}`);
  expect(await rejects('')).toMatchObject({ items: { length: 100 }, nextAfter: 100 });
  expect(await rejects('?after=100')).toMatchObject({ items: { length: 50 }, nextAfter: null });
  expect(await rejects('?limit=50&after=100')).toMatchObject({ items: { length: 50 }, nextAfter: null });
});

test('no row matches a text that no cell can hold', async () => {
  expect(await page('where.text=%00')).toEqual({ items: [], nextAfter: null });
});

test('a page that spans rejected records is still full', async () => {
  const { items, nextAfter } = await page('after=498&limit=10');
  expect(items.map(({ row }) => row)).toEqual([499, 502, 503, 504, 505, 506, 507, 508, 509, 510]);
  expect(nextAfter).toBe(510);
});

test('nextAfter is null on the last page, also when that page is full', async () => {
  expect((await page(`after=${TOTAL - 10}&limit=10`)).nextAfter).toBeNull();
  expect((await page(`after=${TOTAL - 11}&limit=10`)).nextAfter).toBe(TOTAL - 1);
  expect(await page(`after=${TOTAL}`)).toEqual({ items: [], nextAfter: null });
  expect(await page(`after=${Number.MAX_SAFE_INTEGER}`)).toEqual({ items: [], nextAfter: null });
});

test('a filter keeps the rows whose cell equals the text', async () => {
  const blue = await client.rows(dataset.id, '&where.colour=blue');
  expect(blue).toHaveLength(3_332);
  expect(new Set(blue.map(({ values }) => values['colour']))).toEqual(new Set(['blue']));
});

test('several filters must all hold', async () => {
  expect((await page('where.colour=green&where.id=2')).items).toHaveLength(1);
  expect((await page('where.colour=red&where.id=2')).items).toHaveLength(0);
  expect((await page('where.colour=red&where.colour=green')).items).toHaveLength(0);
  expect((await page(`where.text=${encodeURIComponent('x,7')}`)).items[0]?.row).toBe(8);
});

test('a filter on an unknown column is 400 and names it', async () => {
  const problem = await client.json('GET', `/v1/datasets/${dataset.id}/rows?where.size=1`, undefined, 400);
  expect(problem).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/query/where.size' }] });
});

test.each(['limit=0', 'limit=1001', 'limit=ten', 'after=-1', 'after=1.5', 'limit=1&limit=2', 'colour=red'])(
  '%s is 400',
  async (query) => {
    const problem = await client.json('GET', `/v1/datasets/${dataset.id}/rows?${query}`, undefined, 400);
    expect(problem).toMatchObject({ code: 'validation_failed' });
  },
);

test('any column name can be read and filtered by', async () => {
  const odd = await client.load('odd names', '__proto__,constructor,a b&c=d,"q""uote",1\nu,v,w,x,y\n');
  const text = await (await fetch(`${url}/v1/datasets/${odd.id}/rows`)).text();
  expect(text).toContain('{"__proto__":"u","constructor":"v","a b&c=d":"w","q\\"uote":"x","1":"y"}');
  const filter = encodeURIComponent('where.a b&c=d');
  const found = await client.json<Page>('GET', `/v1/datasets/${odd.id}/rows?${filter}=w&where.__proto__=u`);
  expect(found.items).toHaveLength(1);
});
