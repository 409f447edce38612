import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';

const client = createClient(inject('url'));

/** File, dialect, and what the dataset holds: the grammar of the contract, rule by rule. */
const READ: [rule: string, file: string | Buffer, dialect: object, rows: Record<string, string>[]][] = [
  ['records end at LF, CRLF or CR, mixed', 'a\n1\r\n2\r3', {}, [{ a: '1' }, { a: '2' }, { a: '3' }]],
  ['a byte order mark is dropped', '\u{feff}a\n1\n', {}, [{ a: '1' }]],
  [
    'empty records are skipped, an empty quoted cell is none',
    '\n\na\n\n1\n""\n\n',
    {},
    [{ a: '1' }, { a: '' }],
  ],
  [
    'quoted cells keep delimiters, line ends and doubled quotes',
    'a,b\n"x,\r\ny","""z"""\n',
    {},
    [{ a: 'x,\r\ny', b: '"z"' }],
  ],
  [
    'a quote inside an unquoted cell is a character',
    'a,b\n5" disk, "q"\n',
    {},
    [{ a: '5" disk', b: ' "q"' }],
  ],
  ['nothing is trimmed', 'a,b\n x ,\ty\n', {}, [{ a: ' x ', b: '\ty' }]],
  [
    'empty and repeated header names',
    'a,,a,a_2,a\n1,2,3,4,5\n',
    {},
    [{ a: '1', column_2: '2', a_3: '3', a_2: '4', a_4: '5' }],
  ],
  ['without a header columns are numbered', '1,2\n', { header: false }, [{ column_1: '1', column_2: '2' }]],
  ['the delimiter is detected', 'a;b\n1,5;2\n', {}, [{ a: '1,5', b: '2' }]],
  ['the delimiter is chosen', 'a;b\n1;2\n', { delimiter: ',' }, [{ 'a;b': '1;2' }]],
  ['windows-1252', Buffer.from('6e0a80e90a', 'hex'), { encoding: 'windows-1252' }, [{ n: '€é' }]],
];

test.each(READ)('%s', async (_rule, file, dialect, rows) => {
  const dataset = await client.load('grammar', file, dialect);
  expect(dataset.failure).toBeNull();
  const read = await client.rows(dataset.id);
  expect(read.map(({ values }) => values)).toEqual(rows);
});

const REJECTED: [reason: string, file: string | Buffer, dialect: object, reject: object][] = [
  ['wrong_cell_count', 'a,b\n1,2\n\n3\n4,5\n', {}, { row: 2, line: 4, raw: '3' }],
  ['malformed_quote', 'a,b\n"x"y,2\n', {}, { row: 1, line: 2, raw: '"x"y,2' }],
  ['unterminated_quote', 'a,b\n1,2\n"3,\n4', {}, { row: 2, line: 3, raw: '"3,\n4' }],
  ['invalid_encoding', Buffer.from('610ac30a620a', 'hex'), {}, { row: 1, line: 2, raw: '\u{fffd}' }],
  ['invalid_encoding', Buffer.from('610a810a620a', 'hex'), { encoding: 'windows-1252' }, { row: 1, line: 2 }],
  ['nul_character', 'a\nx\0y\n', {}, { row: 1, line: 2, raw: 'x\u{fffd}y' }],
];

test.each(REJECTED)('a record is rejected: %s', async (reason, file, dialect, reject) => {
  const dataset = await client.load('rejects', file, dialect);
  expect(dataset).toMatchObject({ status: 'ready', progress: { rowsRejected: 1 } });
  expect(await client.rejects(dataset.id)).toMatchObject([{ reason, detail: expect.any(String), ...reject }]);
});

const FAILED: [code: string, file: string | Buffer, dialect?: object][] = [
  ['empty_file', '\r\n\n'],
  ['bad_header', '"a"b,c\n1,2\n'],
  ['bad_header', 'a\0,b\n1,2\n'],
  ['bad_header', '"a,b\n1,2\n'],
  ['unsupported_encoding', Buffer.from('fffe61000a00', 'hex')],
  ['record_too_long', `a\n${'x'.repeat(1024 * 1024 + 1)}\n`],
  ['too_many_columns', `${'a,'.repeat(1_600)}a\n`],
];

test.each(FAILED)('the dataset fails: %s', async (code, file, dialect) => {
  const dataset = await client.load('fails', file, dialect);
  expect(dataset).toMatchObject({ status: 'failed', failure: { code, detail: expect.any(String) } });
});

test('a header alone is ready with no rows', async () => {
  const dataset = await client.load('header', 'a,b\n');
  expect(dataset).toMatchObject({
    status: 'ready',
    columns: ['a', 'b'],
    progress: { chunksTotal: 0, chunksLoaded: 0, rowsLoaded: 0, rowsRejected: 0 },
  });
  expect(await client.rows(dataset.id)).toEqual([]);
  expect(await client.json('GET', `/v1/datasets/${dataset.id}/profile`)).toMatchObject({
    columns: [
      { name: 'a', type: 'text', empty: 0, nonEmpty: 0, min: null, max: null, mean: null, histogram: null },
      {},
    ],
  });
});

test('a header as long as a record may be is kept whole', async () => {
  const name = 'n'.repeat(1024 * 1024);
  const dataset = await client.load('long header', `${name}\nx\n`);
  expect(dataset).toMatchObject({ status: 'ready', columns: [name] });
});

test('only the first 10,000 rejects are kept, all are counted', async () => {
  const dataset = await client.load('many rejects', `a,b\n${'1,2\n3\n'.repeat(12_000)}`);
  expect(dataset.progress).toMatchObject({ rowsLoaded: 12_000, rowsRejected: 12_000 });
  const rejects = await client.rejects(dataset.id);
  expect(rejects).toHaveLength(10_000);
  expect(rejects.at(-1)).toMatchObject({ row: 20_000, line: 20_001 });
});
