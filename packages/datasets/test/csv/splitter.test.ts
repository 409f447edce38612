import { expect, test } from 'vitest';
import { CHUNK_BYTES, Splitter } from '../../src/csv/index.ts';
import { DEFAULTS, loadFile, splitFile } from './load-file.ts';

test('chunks are 8 MiB and the rest of a record unless asked otherwise', () => {
  const record = 'x,yyyyyyyyyy\n';
  const perChunk = Math.ceil(CHUNK_BYTES / record.length);
  const file = Buffer.from(`a,b\n${record.repeat(perChunk + 5)}`);
  const { chunks, records } = splitFile(file, { portions: [65_536] });
  const boundary = 4 + perChunk * record.length;
  expect(chunks).toEqual([
    { number: 0, start: 4, end: boundary, firstRow: 1, firstLine: 2 },
    { number: 1, start: boundary, end: file.length, firstRow: perChunk + 1, firstLine: perChunk + 2 },
  ]);
  expect(records).toBe(perChunk + 5);
});

test('a CRLF is never cut, wherever portions and chunks end', () => {
  const file = Buffer.from('a\r\n1\r\n22\r\n');
  for (const portion of [1, 2, 3, 4, 5]) {
    for (const chunkBytes of [1, 2, 3]) {
      expect(
        splitFile(file, { chunkBytes, portions: [portion] }).chunks.map(({ start, end }) => [start, end]),
      ).toEqual([
        [3, 6],
        [6, 10],
      ]);
    }
  }
});

test('line ends in quotes do not end a chunk', () => {
  const { chunks } = splitFile(Buffer.from('a,b\n"1\n\r\n2",3\n4,5\n'), { chunkBytes: 1 });
  expect(chunks.map(({ start, end, firstLine }) => [start, end, firstLine])).toEqual([
    [4, 14, 2],
    [14, 18, 5],
  ]);
});

test('empty records make no chunk of their own, however many', () => {
  const { chunks } = splitFile(Buffer.from(`a\n\n\n1\n${'\n'.repeat(1_000)}2\n${'\r\n'.repeat(1_000)}`), {
    chunkBytes: 4,
  });
  expect(chunks).toEqual([
    { number: 0, start: 4, end: 8, firstRow: 1, firstLine: 4 },
    { number: 1, start: 1_006, end: 1_010, firstRow: 2, firstLine: 1_005 },
  ]);
});

test('rows of different chunks go on counting', () => {
  const { rows, chunks } = loadFile('a,b\n1,2\n3,4\n5,6\n', { chunkBytes: 5 });
  expect(chunks.length).toBe(2);
  expect(rows).toEqual([
    [1, ['1', '2']],
    [2, ['3', '4']],
    [3, ['5', '6']],
  ]);
});

test('memory stays flat while a big file streams by', () => {
  const portion = Buffer.from(`${'some,text,1234\n'.repeat(4_369)}x,y,z"\n`);
  const splitter = new Splitter({ dialect: DEFAULTS });
  for (let count = 0; count < 100; count++) splitter.push(portion);
  const before = process.memoryUsage();
  for (let count = 0; count < 1_000; count++) splitter.push(portion);
  const after = process.memoryUsage();
  expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(10e6);
  expect(splitter.end().records).toBe(1_100 * 4_370 - 1);
});
