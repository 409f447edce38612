import { expect, test } from 'vitest';
import { DatasetFailure, MAX_COLUMNS, MAX_RECORD_BYTES, Splitter } from '../../src/csv/index.ts';
import { DEFAULTS, failureOf, loadFile } from './load-file.ts';

const bare = { dialect: { header: false, delimiter: ',' } } as const;
const latin1 = (text: string) => Buffer.from(text, 'latin1');

test('empty_file: no record at all, with a header or without', () => {
  for (const file of ['', '\n', '\r\n\r\r\n', '\uFEFF', '\uFEFF\n', '\n'.repeat(200_000)]) {
    expect(failureOf(file)).toBe('empty_file');
    expect(failureOf(file, bare)).toBe('empty_file');
  }
});

test('bad_header: a malformed or unterminated quote, or a NUL', () => {
  expect(failureOf('a,"b"c\n1,2\n')).toBe('bad_header');
  expect(failureOf('a,"b\n1,2\n')).toBe('bad_header');
  expect(failureOf('a,b\0\n1,2\n')).toBe('bad_header');
  expect(failureOf('a,b\n1,2\0\n')).toBe('none');
  expect(failureOf('a,b\0\n1,2\n', bare)).toBe('none');
});

test.each([
  ['UTF-16LE', '\xff\xfea\0'],
  ['UTF-16BE', '\xfe\xff\0a'],
  ['UTF-32LE', '\xff\xfe\0\0a\0\0\0'],
  ['UTF-32BE', '\0\0\xfe\xff\0\0\0a'],
])('unsupported_encoding: the byte order mark of %s', (_, bytes) => {
  expect(failureOf(latin1(bytes))).toBe('unsupported_encoding');
  expect(failureOf(latin1(bytes), { portions: [1], dialect: { encoding: 'windows-1252' } })).toBe(
    'unsupported_encoding',
  );
});

test('such a mark elsewhere is only invalid text', () => {
  expect(failureOf(latin1('a\n\xff\xfe\n'))).toBe('none');
});

test('record_too_long: more than 1 MiB without the line end', () => {
  const long = 'x'.repeat(MAX_RECORD_BYTES);
  expect(failureOf(`a\n${long}\r\n${long}`)).toBe('none');
  expect(failureOf(`${long}\nb\n`)).toBe('none');
  expect(failureOf(`\uFEFF${long}\nb\n`)).toBe('none');
  expect(failureOf(`a\n${long}x\n1\n`)).toBe('record_too_long');
  expect(failureOf(`a\n${long}x`)).toBe('record_too_long');
  expect(failureOf(`${long}x\nb\n`)).toBe('record_too_long');
  expect(failureOf(`a\n"${long.slice(2)}"\n1\n`)).toBe('none');
  expect(failureOf(`a\n"${long.slice(1)}"\n1\n`)).toBe('record_too_long');
});

test('record_too_long: a quote that is never closed in a big file, in the header too, found while it streams by', () => {
  const portion = Buffer.from('1,2\n'.repeat(16_384));
  for (const start of ['a,b\n1,"2\n', 'a,"b\n']) {
    const splitter = new Splitter({ dialect: DEFAULTS });
    splitter.push(Buffer.from(start));
    let pushed = 0;
    const pushAll = () => {
      for (; pushed < 1_000; pushed++) splitter.push(portion);
    };
    expect(pushAll).toThrow(DatasetFailure);
    expect(pushed).toBeLessThan(20);
  }
});

test('the failure names the line', () => {
  expect(() => loadFile(`a\n1\n\n${'x'.repeat(MAX_RECORD_BYTES + 1)}\n`)).toThrow(
    'starts on line 4 is longer than 1048576 bytes',
  );
  expect(() => loadFile('\n\na,b,"c"d\n')).toThrow('Cell 3 of the header on line 3');
});

test('too_many_columns: more than 1,600, in the first record only', () => {
  const record = (cells: number) => `${Array.from({ length: cells }, (_, index) => index).join(',')}\n`;
  expect(failureOf(record(MAX_COLUMNS))).toBe('none');
  expect(failureOf(record(MAX_COLUMNS + 1))).toBe('too_many_columns');
  expect(failureOf(record(MAX_COLUMNS + 1), bare)).toBe('too_many_columns');
  const loaded = loadFile(`a,b\n${record(MAX_COLUMNS + 1)}1,2\n${','.repeat(MAX_RECORD_BYTES)}\n`);
  expect(loaded.rejects.map(({ detail }) => detail)).toEqual([
    '1601 cells, expected 2',
    '1048577 cells, expected 2',
  ]);
  expect(loaded.rows).toEqual([[2, ['1', '2']]]);
});
