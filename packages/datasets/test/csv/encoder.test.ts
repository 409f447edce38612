import { expect, test } from 'vitest';
import { MAX_COLUMNS, MAX_GROUP_ROWS, MAX_RECORD_BYTES, createChunkEncoder } from '../../src/csv/index.ts';
import type { ChunkEncoder } from '../../src/csv/index.ts';
import { decodeCopy } from './copy-decoder.ts';
import { encodeAll, loadFile } from './load-file.ts';

const encoder = (columnCount: number, firstRow = 1): ChunkEncoder =>
  createChunkEncoder({
    dialect: { delimiter: ',', encoding: 'utf-8' },
    columnCount,
    firstRow,
    firstLine: 1,
  });

test('blocks are handed out one by one, in memory that is used again when the next but one is asked for', () => {
  const chunk = Buffer.from('some text,and some more\n'.repeat(400_000));
  const blocks: Buffer[] = [];
  const copies: Buffer[] = [];
  for (const block of encoder(2).encode(chunk)) {
    expect(block.length).toBeLessThan(1_100_000);
    blocks.push(block);
    copies.push(Buffer.from(block));
    expect(blocks.at(-2)).toEqual(copies.at(-2));
  }
  expect(blocks.length).toBeGreaterThan(10);
  expect(new Set(blocks.map(({ buffer }) => buffer)).size).toBe(3);
  expect(blocks.at(-1)).toEqual(copies.at(-1));
  const rows = decodeCopy(Buffer.concat(copies));
  expect(rows.length).toBe(400_000);
  expect(
    rows.every(([row, cells], index) => row === index + 1 && cells.join('|') === 'some text|and some more'),
  ).toBe(true);
});

test('row numbers may pass 32 bits', () => {
  for (const firstRow of [2 ** 31 - 1, 2 ** 32 - 1, 2 ** 40 + 2 ** 31 + 5]) {
    const data = encodeAll(encoder(1, firstRow), Buffer.from('a\nb\nc\n'));
    expect(decodeCopy(data).map(([row]) => row)).toEqual([firstRow, firstRow + 1, firstRow + 2]);
  }
});

test('rows are put together in tuples that Postgres keeps in four to a page, and no gap lies within one', () => {
  const rows = decodeCopy(encodeAll(encoder(1), Buffer.from('""\n'.repeat(MAX_GROUP_ROWS * 3))));
  expect(rows.map(([row]) => row)).toEqual(Array.from({ length: MAX_GROUP_ROWS * 3 }, (_, at) => at + 1));
  const gaps = encodeAll(encoder(1), Buffer.from('a\nb\nno,row\nd\n'));
  expect(decodeCopy(gaps)).toEqual([
    [1, ['a']],
    [2, ['b']],
    [4, ['d']],
  ]);
});

test('a chunk whose records are all rejected is COPY data without rows', () => {
  const one = encoder(2);
  expect(decodeCopy(encodeAll(one, Buffer.from('a\nb\n')))).toEqual([]);
  expect(one.result()).toMatchObject({ rows: 0, rejected: 2 });
});

test.each([
  [
    '1,600 columns of one record of 1 MiB',
    `${'x'.repeat(MAX_RECORD_BYTES - 1_599)}${','.repeat(1_599)}`,
    MAX_COLUMNS,
  ],
  ['one quoted cell of 1 MiB', `"${'y\n'.repeat(MAX_RECORD_BYTES / 2 - 1)}"`, 1],
  ['one cell of quotes', `"${'""'.repeat(MAX_RECORD_BYTES / 2 - 1)}"`, 1],
  ['1,600 short cells', Array.from({ length: MAX_COLUMNS }, (_, index) => index).join(','), MAX_COLUMNS],
])('a block grows for a big record: %s', (_, record, columnCount) => {
  const rows = decodeCopy(encodeAll(encoder(columnCount), Buffer.from(`${record}\n`.repeat(5))));
  expect(rows.length).toBe(5);
  const text = columnCount === 1 ? record.slice(1, -1).replaceAll('""', '"') : record;
  for (const [, cells] of rows) expect(cells.join(',') === text).toBe(true);
});

test('windows-1252 may treble in size', () => {
  const file = Buffer.alloc(3_000_000, 0x80);
  for (let at = 999_999; at < file.length; at += 1_000_000) file[at] = 0x0a;
  const { rows } = loadFile(file, { dialect: { header: false, encoding: 'windows-1252', delimiter: ',' } });
  expect(rows.map(([, [cell]]) => cell === '€'.repeat(999_999))).toEqual([true, true, true]);
});

test('an unterminated last record that is long does not disturb the rows before it', () => {
  const { rows, rejects } = loadFile(`a,b\n${'1,2\n'.repeat(1_000)}3,"${'x'.repeat(1_000_000)}`);
  expect(rows.length).toBe(1_000);
  expect(rejects).toMatchObject([{ row: 1_001, line: 1_002, reason: 'unterminated_quote' }]);
});

test('the profile of 1,600 columns of long texts stays small', () => {
  const one = encoder(MAX_COLUMNS);
  const record = Array.from({ length: MAX_COLUMNS }, () => 'é'.repeat(300)).join(',');
  for (const _ of one.encode(Buffer.from(`${record}\n${record}\n`))) void _;
  expect(JSON.stringify(one.result().profile).length).toBeLessThan(2e6);
});
