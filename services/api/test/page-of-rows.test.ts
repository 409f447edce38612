import { expect, test } from 'vitest';
import { pageOfRows } from '../src/datasets/page-of-rows.ts';

test('rows are objects with the columns in the order of the file', () => {
  const page = { rows: [{ row: 7, cells: '["x","y"]' }], nextAfter: 7 };
  expect(pageOfRows(['b', '1'], page)).toBe('{"items":[{"row":7,"values":{"b":"x","1":"y"}}],"nextAfter":7}');
});

test('an empty page and the last page', () => {
  expect(JSON.parse(pageOfRows(['a'], { rows: [], nextAfter: null }))).toEqual({
    items: [],
    nextAfter: null,
  });
});

test.each([
  ['', ''],
  ['a', ''],
  ['","', 'x'],
  ['x",', '"y'],
  ['\\', '\\"'],
  ['[', ']'],
  ['\u0001', ','],
])('cells %j and %j are told apart', (...cells) => {
  const text = pageOfRows(['a', 'b'], { rows: [{ row: 1, cells: JSON.stringify(cells) }], nextAfter: null });
  const values = { a: cells[0], b: cells[1] };
  expect(JSON.parse(text)).toEqual({ items: [{ row: 1, values }], nextAfter: null });
});

test('any name and any text is kept', () => {
  const texts = ['__proto__', '"', '\\', '\n\t\u2028', '', '😀', 'constructor'];
  const rows = [
    { row: 1, cells: JSON.stringify(texts) },
    { row: 2, cells: JSON.stringify(texts.toReversed()) },
  ];
  const { items } = JSON.parse(pageOfRows(texts, { rows, nextAfter: null })) as {
    items: { values: object }[];
  };
  expect(items.map(({ values }) => Object.entries(values))).toEqual(
    [texts, texts.toReversed()].map((cells) => texts.map((name, index) => [name, cells[index]])),
  );
});
