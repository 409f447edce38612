import { expect, test } from 'vitest';
import { toFilters } from '../src/datasets/filters.ts';

const COLUMNS = ['a', 'b.c', '__proto__', '', 'a/b~c'];

test('a filter names a column by its place', () => {
  expect(toFilters({ 'where.b.c': 'x' }, COLUMNS)).toEqual([{ column: 1, equals: 'x' }]);
  const query = Object.fromEntries([
    ['where.__proto__', 'y'],
    ['where.', ''],
  ]);
  expect(toFilters(query, COLUMNS)).toEqual([
    { column: 2, equals: 'y' },
    { column: 3, equals: '' },
  ]);
});

test('a filter that is repeated must hold each time', () => {
  expect(toFilters({ 'where.a': ['x', 'y'] }, COLUMNS)).toEqual([
    { column: 0, equals: 'x' },
    { column: 0, equals: 'y' },
  ]);
});

test('what is no filter is none', () => {
  expect(toFilters({ after: 1, limit: 2, where: 'x' }, COLUMNS)).toEqual([]);
});

test('every column that the dataset does not have is named, as a JSON pointer', () => {
  const attempt = () => toFilters({ 'where.A': 'x', 'where.x/y~z': 'x', 'where.a/b~c': 'x' }, COLUMNS);
  expect(attempt).toThrow(
    expect.objectContaining({
      errors: [
        { pointer: '/query/where.A', detail: 'is not a column' },
        { pointer: '/query/where.x~1y~0z', detail: 'is not a column' },
      ],
    }),
  );
});
