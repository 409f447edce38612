import { expect, test } from 'vitest';
import type { Reject } from '../../src/csv/index.ts';
import { loadFile } from './load-file.ts';
import type { LoadOptions } from './load-file.ts';

const cellsOf = (file: Buffer | string, options?: LoadOptions) =>
  loadFile(file, options).rows.map(([, cells]) => cells);
const bare = { dialect: { header: false, delimiter: ',' } } as const;
const latin1 = (text: string) => Buffer.from(text, 'latin1');

test('records end at LF, CRLF and a lone CR, mixed', () => {
  expect(cellsOf('a,b\n1,2\r\n3,4\r5,6\n')).toEqual([
    ['1', '2'],
    ['3', '4'],
    ['5', '6'],
  ]);
});

test('the last record may end at the end of the file', () => {
  expect(cellsOf('a,b\n1,2')).toEqual([['1', '2']]);
  expect(cellsOf('a,b\n1,""')).toEqual([['1', '']]);
  expect(cellsOf('a,b\n1,')).toEqual([['1', '']]);
});

test('one byte order mark at the start is dropped, a second is text', () => {
  expect(loadFile('\uFEFFa,b\n1,2\n').columns).toEqual(['a', 'b']);
  expect(loadFile('\uFEFF\uFEFFa,b\n1,2\n').columns).toEqual(['\uFEFFa', 'b']);
  expect(loadFile('\uFEFF"a",b\n1,2\n').columns).toEqual(['a', 'b']);
  expect(cellsOf('a\n\uFEFF1\n')).toEqual([['\uFEFF1']]);
});

test('the mark is dropped in windows-1252, too', () => {
  expect(loadFile('\uFEFFa,b\n1,2\n', { dialect: { encoding: 'windows-1252' } }).columns).toEqual(['a', 'b']);
});

test('empty records are skipped and not counted, before and after the header, but count as lines', () => {
  const loaded = loadFile('\n\r\na,b\n\n1,2\r\r\n\n3,4,5\n\n\n');
  expect(loaded.columns).toEqual(['a', 'b']);
  expect(loaded.records).toBe(2);
  expect(loaded.rows).toEqual([[1, ['1', '2']]]);
  expect(loaded.rejects).toMatchObject([{ row: 2, line: 8 }]);
});

test('a record of blanks, of one empty quoted cell or of one delimiter is not empty', () => {
  expect(cellsOf('a\n \n""\n')).toEqual([[' '], ['']]);
  expect(cellsOf('a,b\n,\n')).toEqual([['', '']]);
});

test('a quoted cell keeps delimiters and line ends as they are', () => {
  expect(cellsOf('a,b\n"1,\r\n2\r3\n",4\n')).toEqual([['1,\r\n2\r3\n', '4']]);
});

test('a doubled quote in a quoted cell is one quote', () => {
  expect(cellsOf('"""a""",""""\n"""",""""""\n', bare)).toEqual([
    ['"a"', '"'],
    ['"', '""'],
  ]);
});

test('a quote elsewhere in an unquoted cell is an ordinary character', () => {
  expect(cellsOf('a"b,c""\n "x",5"\n', bare)).toEqual([
    ['a"b', 'c""'],
    [' "x"', '5"'],
  ]);
});

test('cells are neither trimmed nor changed', () => {
  expect(cellsOf('a,b,c\n 1 ,\t007,NULL\n\\N,\\.,1e3\n')).toEqual([
    [' 1 ', '\t007', 'NULL'],
    ['\\N', '\\.', '1e3'],
  ]);
});

test('control characters other than NUL are text', () => {
  expect(cellsOf('a,b\n\x01\x0b\x0c\x1a,\x7f\n')).toEqual([['\x01\x0b\x0c\x1a', '\x7f']]);
});

test.each([',', ';', '\t', '|'] as const)('with the delimiter %j the others are text', (delimiter) => {
  const others = [',', ';', '\t', '|'].filter((other) => other !== delimiter).join('');
  expect(
    cellsOf(`a${delimiter}b\n${others}${delimiter}"${delimiter}"\n`, { dialect: { delimiter } }),
  ).toEqual([[others, delimiter]]);
});

test('a row number counts data records, rejected ones too', () => {
  expect(loadFile('a,b\n1,2\nx\n3,4\n').rows).toEqual([
    [1, ['1', '2']],
    [3, ['3', '4']],
  ]);
});

test('the line is the one on which a record starts, line ends in quotes included', () => {
  const { rejects } = loadFile('a,b\r\n"1\r\n\r\n\n",2\r\nx\r\n"y\rz"\r\nw\n');
  expect(rejects.map(({ row, line }) => [row, line])).toEqual([
    [2, 6],
    [3, 7],
    [4, 9],
  ]);
});

test('empty names of the header become column_<n>, repeated ones are numbered past those it holds', () => {
  const columns = (header: string) => loadFile(`${header}\n`, { dialect: { delimiter: ',' } }).columns;
  expect(columns('a,,""')).toEqual(['a', 'column_2', 'column_3']);
  expect(columns('a,a,a')).toEqual(['a', 'a_2', 'a_3']);
  expect(columns('a,a,a_2,a')).toEqual(['a', 'a_3', 'a_2', 'a_4']);
  expect(columns('a_2,a_2,a,a')).toEqual(['a_2', 'a_2_2', 'a', 'a_3']);
  expect(columns('column_2,,x')).toEqual(['column_2', 'column_2_2', 'x']);
  expect(columns('A,a, a')).toEqual(['A', 'a', ' a']);
  expect(columns('"a ""b""","c,\nd",__proto__')).toEqual(['a "b"', 'c,\nd', '__proto__']);
});

test('a header that does not decode is kept with U+FFFD', () => {
  expect(loadFile(latin1('caf\xe9,\xc3"\xc3\n1,2\n')).columns).toEqual(['caf\uFFFD', '\uFFFD"\uFFFD']);
  expect(loadFile(latin1('\x81,\x80\n1,2\n'), { dialect: { encoding: 'windows-1252' } }).columns).toEqual([
    '\uFFFD',
    '€',
  ]);
});

test('without a header the first record gives the number of columns, whatever is wrong with it', () => {
  const first = (record: string) => {
    const { columns, rejects } = loadFile(latin1(`${record}\n1,2\n`), bare);
    return [columns, rejects[0]?.reason];
  };
  expect(first('x,y')).toEqual([['column_1', 'column_2'], undefined]);
  expect(first('x,"y"z')).toEqual([['column_1', 'column_2'], 'malformed_quote']);
  expect(first('\xff,y')).toEqual([['column_1', 'column_2'], 'invalid_encoding']);
  expect(first('\0,y')).toEqual([['column_1', 'column_2'], 'nul_character']);
  expect(first('x,"y')).toEqual([['column_1', 'column_2'], 'unterminated_quote']);
});

test('a header alone gives no rows and no chunk', () => {
  expect(loadFile('a,b')).toMatchObject({ columns: ['a', 'b'], rows: [], chunks: [], records: 0 });
  expect(loadFile('a,b\r\n\r\n\n')).toMatchObject({ rows: [], chunks: [], records: 0 });
});

const rejectOf = (record: string, options?: LoadOptions): Reject | undefined =>
  loadFile(latin1(`a,b\n${record}`), options).rejects[0];

test('wrong_cell_count: fewer or more cells than columns', () => {
  expect(rejectOf('1\n')).toEqual({
    row: 1,
    line: 2,
    reason: 'wrong_cell_count',
    detail: '1 cell, expected 2',
    raw: '1',
  });
  expect(rejectOf('1,"2",3\r\n')).toMatchObject({ detail: '3 cells, expected 2', raw: '1,"2",3' });
  expect(rejectOf('""\n')).toMatchObject({ reason: 'wrong_cell_count', raw: '""' });
});

test('malformed_quote: reading goes on as if the rest of the cell were unquoted', () => {
  const loaded = loadFile('a,b\n"1"x,"2\n"\n"1" "x"y,2\n3,4\n');
  expect(loaded.rejects.map(({ reason, raw }) => [reason, raw])).toEqual([
    ['malformed_quote', '"1"x,"2\n"'],
    ['malformed_quote', '"1" "x"y,2'],
  ]);
  expect(loaded.rows).toEqual([[3, ['3', '4']]]);
});

test('unterminated_quote: the file ends inside quotes', () => {
  expect(rejectOf('1,"2\n3,4\n')).toMatchObject({
    reason: 'unterminated_quote',
    row: 1,
    line: 2,
    raw: '1,"2\n3,4\n',
  });
  expect(rejectOf('1,"')).toMatchObject({ reason: 'unterminated_quote', raw: '1,"' });
  expect(rejectOf('1,"""')).toMatchObject({ reason: 'unterminated_quote' });
});

test.each([
  ['a stray continuation byte', '\x80'],
  ['a sequence that is cut off', '\xe2\x82'],
  ['an overlong form', '\xc0\xaf'],
  ['a surrogate', '\xed\xa0\x80'],
  ['more than U+10FFFF', '\xf4\x90\x80\x80'],
])('invalid_encoding: %s in UTF-8', (_, bytes) => {
  expect(rejectOf(`1,x${bytes}y\n`)).toMatchObject({
    reason: 'invalid_encoding',
    raw: expect.stringMatching(/^1,x\uFFFD+y$/),
  });
});

test('invalid_encoding: the five bytes that windows-1252 leaves undefined', () => {
  const file = latin1(
    `a\n${Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index)).join('\n')}\n`,
  );
  const { rows, rejects } = loadFile(file, { dialect: { encoding: 'windows-1252' } });
  expect(rejects.map(({ row, reason, raw }) => [row + 127, reason, raw])).toEqual(
    [0x81, 0x8d, 0x8f, 0x90, 0x9d].map((byte) => [byte, 'invalid_encoding', '\uFFFD']),
  );
  const text = rows.map(([, [cell]]) => cell).join('');
  expect(text).toBe(
    `€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ${Array.from({ length: 96 }, (_, index) => String.fromCharCode(160 + index)).join('')}`,
  );
});

test('nul_character: a NUL in a cell, shown as U+FFFD', () => {
  expect(rejectOf('1,x\0y\n')).toMatchObject({ reason: 'nul_character', raw: '1,x\uFFFDy' });
});

test('of several reasons the first in order is given', () => {
  expect(rejectOf('"1"x,\xff,\0,"')).toMatchObject({ reason: 'unterminated_quote' });
  expect(rejectOf('"1"x,\xff,\0\n')).toMatchObject({ reason: 'malformed_quote' });
  expect(rejectOf('1,\xff,\0\n')).toMatchObject({ reason: 'invalid_encoding' });
  expect(rejectOf('1,2,\0\n')).toMatchObject({ reason: 'wrong_cell_count' });
});

test('of the raw text the first 1,024 characters are kept, whole ones', () => {
  const emoji = '😀'.repeat(1_000);
  const { rejects } = loadFile(`a,b\n${emoji}\n1${emoji}${'é'.repeat(100)}\n`);
  expect(rejects.map(({ raw }) => raw)).toEqual([emoji, `1${emoji}${'é'.repeat(23)}`]);
});

test('so many rejects are kept as asked for, the first of a chunk; all are counted', () => {
  const { rejects, rejected, rows } = loadFile(`a,b\n${'x\n'.repeat(50)}1,2\n${'y\n'.repeat(5)}`, {
    maxRejects: 7,
  });
  expect(rejects.map(({ row }) => row)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(rejected).toBe(55);
  expect(rows).toEqual([[51, ['1', '2']]]);
});

test('10,000 rejects are kept unless asked otherwise', () => {
  expect(loadFile(`a,b\n${'x\n'.repeat(10_005)}`)).toMatchObject({
    rejected: 10_005,
    rejects: { length: 10_000 },
  });
});
