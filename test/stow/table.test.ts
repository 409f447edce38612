import { expect, test } from 'vitest';
import { table } from '../../scripts/stow/table.ts';
import { displayWidth, fit, truncate, visible } from '../../scripts/stow/text.ts';

test.each([
  ['abc', 3],
  ['', 0],
  ['東京', 4],
  ['ｱ', 1],
  ['Ａ', 2],
  ['한글', 4],
  ['e\u0301', 1],
  ['🚢', 2],
  ['👨‍👩‍👧', 2],
  ['🇨🇭', 2],
  ['❤️', 2],
  ['a\u200bb', 2],
])('%j takes %i cells', (text, width) => {
  expect(displayWidth(text)).toBe(width);
});

test.each([
  ['a\nb\r\nc', 'a↵b↵c'],
  ['a\tb', 'a⇥b'],
  ['\u001b[31mred', '␛[31mred'],
  ['\u009b31m', '\\u{9b}31m'],
  ['\u0000\u007f\r', '␀␡␍'],
  ['a\u202eb', 'a\\u{202e}b'],
  ['\ud800', '\ufffd'],
  ['Zürich 東京', 'Zürich 東京'],
])('%j is shown as %j', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('a cut text ends in an ellipsis and never through a wide character', () => {
  expect(truncate('abcdef', 4)).toBe('abc…');
  expect(truncate('abcd', 4)).toBe('abcd');
  expect(truncate('東京都', 4)).toBe('東…');
  expect(fit('東京都', 4)).toBe('東… ');
  expect(fit('7', 3, 'right')).toBe('  7');
});

test('columns are aligned whatever their characters', () => {
  const { lines, hidden } = table({
    columns: [{ title: 'city' }, { title: 'lat', align: 'right' }, { title: 'x' }],
    rows: [
      ['東京', '35.55', 'a'],
      ['Bern', '7', 'b'],
    ],
    width: 80,
  });
  expect(lines).toEqual(['city    lat  x', '────  ─────  ─', '東京  35.55  a', 'Bern      7  b']);
  expect(hidden).toBe(0);
});

test('wide columns are narrowed before any is left out', () => {
  const { lines, hidden } = table({
    columns: [{ title: 'id' }, { title: 'text' }, { title: 'n' }],
    rows: [['1', 'x'.repeat(50), '2']],
    width: 30,
  });
  expect(hidden).toBe(0);
  expect(lines[2]).toBe(`1   ${'x'.repeat(22)}…  2`);
});

test('columns that do not fit are counted, and no line is wider than asked', () => {
  const names = Array.from({ length: 20 }, (_, index) => `column_${index + 1}_with_a_long_name`);
  for (const width of [1, 10, 40, 80, 133]) {
    const { lines, hidden } = table({ columns: names.map((title) => ({ title })), rows: [names, []], width });
    expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(width);
    const shown = lines[1]?.split('  ').length ?? 0;
    expect(shown + hidden).toBe(20);
    expect(shown).toBe(Math.max(1, Math.floor((width + 2) / 12)));
  }
});

test('a cell of a megabyte is cut quickly', () => {
  const { lines } = table({ columns: [{ title: 'a' }], rows: [['東'.repeat(1_000_000)]], width: 20 });
  expect(lines[2]).toBe(`${'東'.repeat(9)}…`);
});
