import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';

const client = createClient(inject('url'));

interface Column {
  name: string;
  type: string;
  empty: number;
  nonEmpty: number;
  min: number | string | null;
  max: number | string | null;
  mean: number | null;
  histogram: { from: number; to: number; count: number }[] | null;
}

async function profileOf(file: string): Promise<Column[]> {
  const { id } = await client.load('profiled', file);
  const { columns } = await client.json<{ columns: Column[] }>('GET', `/v1/datasets/${id}/profile`);
  return columns;
}

test('numbers have bounds, a mean, and a histogram that counts every one of them', async () => {
  const values = Array.from({ length: 20_000 }, (_, index) => (index % 1_000) / 4);
  const [column] = await profileOf(`n\n${values.join('\n')}\n`);
  expect(column).toMatchObject({
    name: 'n',
    type: 'number',
    empty: 0,
    nonEmpty: 20_000,
    min: 0,
    max: 249.75,
  });
  expect(column?.mean).toBeCloseTo(124.875, 9);
  const histogram = column?.histogram ?? [];
  expect(histogram.length).toBeLessThanOrEqual(64);
  for (const { from, to, count } of histogram) {
    expect(values.filter((value) => value >= from && value < to).length).toBe(count);
  }
  expect(histogram.reduce((sum, { count }) => sum + count, 0)).toBe(20_000);
});

test('one cell that is no number makes the column text', async () => {
  const columns = await profileOf('a,b,c,d\n1,0x1,1e3,\n-2.5, 3,+4,\nx,5,.5,\n');
  expect(columns.map(({ type }) => type)).toEqual(['text', 'text', 'number', 'text']);
  expect(columns[0]).toMatchObject({ min: '-2.5', max: 'x', mean: null, histogram: null });
  expect(columns[2]).toMatchObject({ min: 0.5, max: 1000 });
  expect(columns[3]).toEqual({
    name: 'd',
    type: 'text',
    empty: 3,
    nonEmpty: 0,
    min: null,
    max: null,
    mean: null,
    histogram: null,
  });
});

test('text is compared by code point and shown by its first 256 characters', async () => {
  const [column] = await profileOf(`t\n\u{ff5e}\n\u{1f600}${'x'.repeat(300)}\nZ\na\n`);
  expect(column).toMatchObject({ type: 'text', min: 'Z', max: `\u{1f600}${'x'.repeat(255)}` });
});

test('rejected records are not in the profile', async () => {
  const [column] = await profileOf('a,b\n1,2\n3\n5,6\n');
  expect(column).toMatchObject({ nonEmpty: 2, empty: 0, min: 1, max: 5, mean: 3 });
});
