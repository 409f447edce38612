import { expect, test } from 'vitest';
import { emptyProfile, mergeProfiles, presentProfile } from '../../src/csv/index.ts';
import type { ColumnSummary } from '../../src/csv/index.ts';
import { loadFile } from './load-file.ts';

/** The profile of one column with these cells. */
function summary(cells: readonly string[], chunkBytes = 1_000_000): Omit<ColumnSummary, 'name'> {
  const file = ['c,', ...cells.map((cell) => `${cell},`)].join('\n');
  const { columns, profile } = loadFile(file, { chunkBytes, dialect: { delimiter: ',' } });
  const [column] = presentProfile(columns, profile);
  if (column === undefined) throw new Error('no column');
  const { name: _, ...rest } = column;
  return rest;
}

const text = { type: 'text', mean: null, histogram: null };

test('a column of numbers', () => {
  expect(summary(['3', '', '1', '+2.5', '-1e0'])).toEqual({
    type: 'number',
    empty: 1,
    nonEmpty: 4,
    min: -1,
    max: 3,
    mean: 1.375,
    histogram: expect.any(Array),
  });
});

test('a column of texts', () => {
  expect(summary(['b', '', 'a', 'b'])).toEqual({ ...text, empty: 1, nonEmpty: 3, min: 'a', max: 'b' });
});

test('a column with no non-empty cell is text, all null', () => {
  expect(summary(['', ''])).toEqual({ ...text, empty: 2, nonEmpty: 0, min: null, max: null });
  expect(presentProfile(['c'], emptyProfile(1))).toEqual([
    { name: 'c', ...text, empty: 0, nonEmpty: 0, min: null, max: null },
  ]);
});

test.each([
  '0',
  '-0',
  '7.',
  '.5',
  '+.5e-3',
  '1E5',
  '00012',
  '123456789012345678901234567890',
  '1e308',
  '1e-400',
])('%s is a number', (cell) => {
  const value = Number(cell) + 0;
  expect(summary([cell])).toMatchObject({ type: 'number', min: value, max: value, mean: value });
});

test.each([
  '.',
  '+',
  '-',
  'e5',
  '1e',
  '1e+',
  '1 ',
  ' 1',
  '1,5'.replace(',', ';'),
  '0x10',
  '1_000',
  'NaN',
  'Infinity',
  '1e309',
  '--1',
  '1.2.3',
  '١',
])('%j is text', (cell) => {
  expect(summary(['1', cell])).toMatchObject({ type: 'text', mean: null, histogram: null });
});

test('numbers are the nearest doubles', () => {
  const numbers = [
    '0.1',
    '0.3',
    '1.7976931348623157e308',
    '5e-324',
    '2.2250738585072011e-308',
    '9007199254740993',
    '8.41e21',
  ];
  const more = [
    '123456789.123456789',
    '1e23',
    '4.35',
    '0.000001',
    '1e-22',
    '1e22',
    '9007199254740991e22',
    '17976931348623157080e289',
  ];
  for (const cell of [...numbers, ...more]) expect(summary([cell]).min).toBe(Number(cell));
});

test('one text makes a column text, also when its chunk is the only one', () => {
  expect(summary(['10', '9', '8', 'x', '100'], 1)).toEqual({
    ...text,
    empty: 0,
    nonEmpty: 5,
    min: '10',
    max: 'x',
  });
});

test('texts are ordered by code point and cut to 256 characters', () => {
  expect(summary(['😀', '\uFFFD'])).toMatchObject({ min: '\uFFFD', max: '😀' });
  expect(summary(['😀', '\uFFFD'], 1)).toMatchObject({ min: '\uFFFD', max: '😀' });
  expect(summary(['ab', 'a', 'abc', 'abcde', 'abcd'])).toMatchObject({ min: 'a', max: 'abcde' });
  const long = `${'😀'.repeat(255)}éé`;
  expect(summary([long, `${long}x`, 'a'])).toMatchObject({ min: 'a', max: `${'😀'.repeat(255)}é` });
});

test('of texts that begin alike the shorter is less, whatever their length and order', () => {
  for (let length = 1; length <= 20; length++) {
    const [short, long] = ['a'.repeat(length), 'a'.repeat(length + 1)];
    expect(summary([short, long])).toMatchObject({ min: short, max: long });
    expect(summary([long, short])).toMatchObject({ min: short, max: long });
    expect(summary([`${short}b`, `${short}c`, `${short}a`])).toMatchObject({
      min: `${short}a`,
      max: `${short}c`,
    });
  }
});

test('whole numbers get bins of whole numbers', () => {
  expect(summary(['5', '5', '5']).histogram).toEqual([{ from: 5, to: 6, count: 3 }]);
  expect(summary(['-1', '1', '2', '2']).histogram).toEqual([
    { from: -1, to: 0, count: 1 },
    { from: 0, to: 1, count: 0 },
    { from: 1, to: 2, count: 1 },
    { from: 2, to: 3, count: 2 },
  ]);
  const hundred = summary(Array.from({ length: 100 }, (_, index) => String(index)));
  expect(hundred.histogram).toEqual(
    Array.from({ length: 50 }, (_, index) => ({ from: 2 * index, to: 2 * index + 2, count: 2 })),
  );
});

test('the largest doubles leave no infinity in mean and histogram', () => {
  const max = String(Number.MAX_VALUE);
  const { mean, histogram } = summary([max, max, max, `-${max}`]);
  expect((mean ?? 0) / (Number.MAX_VALUE / 2)).toBeCloseTo(1, 14);
  expect(histogram?.[0]).toMatchObject({ from: -Number.MAX_VALUE, count: 1 });
  expect(histogram?.at(-1)).toMatchObject({ to: Number.MAX_VALUE, count: 3 });
  expect(summary([max]).histogram).toEqual([{ from: expect.any(Number), to: Number.MAX_VALUE, count: 1 }]);
});

test('the mean does not lose small numbers beside large ones', () => {
  expect(summary(['1e16', '1', '-1e16']).mean).toBeCloseTo(1 / 3, 15);
  expect(summary(['1e300', '1', '-1e300', '1e16', '-1e16'], 1).mean).toBeCloseTo(1 / 5, 15);
});

test('rejected records are no part of the profile', () => {
  const { columns, profile } = loadFile('a,b\n1,2\nx\n3,4,5\n"9"9,9\n');
  expect(presentProfile(columns, profile)).toMatchObject([
    { nonEmpty: 1, max: 1 },
    { nonEmpty: 1, max: 2 },
  ]);
});

test('profiles of different columns do not add up', () => {
  expect(() => mergeProfiles(emptyProfile(1), emptyProfile(2))).toThrow(RangeError);
});
