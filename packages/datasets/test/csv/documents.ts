import fc from 'fast-check';
import type { DialectRequest } from '../../src/csv/index.ts';

/** Random files that are heavy in everything the grammar cares about. As strings of bytes, one character each. */
const utf8 = (text: string) => Buffer.from(text).toString('latin1');

const lineEnds = ['\n', '\r\n', '\r'];
const marks = ['"', '""', ',', ';', '\t', '|'];
const texts = [
  'a',
  ' ',
  'x y',
  'abcdefgh',
  'the quick brown fox',
  utf8('é'),
  utf8('€uro'),
  utf8('😀'),
  utf8('\uFEFF'),
  'a\\b',
  '\\"',
  '\x01\x1f\x7f',
  '\b\f',
];
const numbers = [
  '0',
  '-0',
  '1',
  '5',
  '-2.5',
  '+.5',
  '7.',
  '1e3',
  '-1E-3',
  '1e400',
  '5e-324',
  '1.7976931348623157e308',
];
const moreNumbers = [
  '-1.7e308',
  '0.1',
  '12345678901234567890',
  '1e',
  '.',
  '-',
  '00012',
  '3.14159265358979',
  '1e22',
  '1e-30',
];
const bad = [
  '\0',
  '\xc3',
  '\xff',
  '\x81',
  '\x8d',
  '\x80',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\x1a',
  '\x0b',
];

const noise = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...marks) },
      { weight: 4, arbitrary: fc.constantFrom(...lineEnds) },
      { weight: 5, arbitrary: fc.constantFrom(...texts, ...numbers) },
      { weight: 1, arbitrary: fc.constantFrom(...bad) },
    ),
    { maxLength: 40 },
  )
  .map((tokens) => tokens.join(''));

const plainCell = fc.constantFrom('', '', ...texts, ...numbers, ...moreNumbers);
const quotedCell = fc
  .array(fc.constantFrom(...texts, ...numbers, ...lineEnds, ...marks.filter((mark) => mark !== '"')), {
    maxLength: 6,
  })
  .map((tokens) => `"${tokens.join('')}"`);
const oddCell = fc.constantFrom('"', 'a"b', '""x', '"a"b"c"', '"a" ', ...bad);
const cell = fc.oneof(
  { weight: 12, arbitrary: plainCell },
  { weight: 5, arbitrary: quotedCell },
  { weight: 1, arbitrary: oddCell },
);

/** Mostly in order: records of one and the same count of cells, with a mistake here and there. */
const table = fc
  .record({
    width: fc.integer({ min: 1, max: 5 }),
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    rows: fc.array(
      fc.record({
        cells: fc.array(cell, { minLength: 6, maxLength: 6 }),
        more: fc.constantFrom(0, 0, 0, 0, 0, 0, 0, 1, -1),
      }),
      {
        maxLength: 12,
      },
    ),
    ends: fc.array(fc.constantFrom('\n', '\n', '\n', '\r\n', '\r', '\n\n', '\r\n\r\n', '\n\r'), {
      minLength: 12,
      maxLength: 12,
    }),
    lastEnd: fc.boolean(),
  })
  .map(({ width, delimiter, rows, ends, lastEnd }) =>
    rows
      .map(({ cells, more }, index) => {
        const end = index === rows.length - 1 && !lastEnd ? '' : (ends[index] ?? '\n');
        return cells.slice(0, Math.max(1, width + more)).join(delimiter) + end;
      })
      .join(''),
  );

/** Columns of numbers and of texts, so that profiles have something to show. */
export const figures: fc.Arbitrary<string> = fc
  .record({
    rows: fc.array(
      fc.tuple(
        fc.constantFrom(
          '',
          ...numbers.filter((text) => text !== '1e400'),
          ...moreNumbers.filter((text) => Number.isFinite(Number(text))),
        ),
        fc.oneof(fc.integer().map(String), fc.double({ noNaN: true, noDefaultInfinity: true }).map(String)),
        fc.oneof(fc.integer({ min: -3, max: 200 }).map(String), fc.constant('')),
        fc.oneof(
          { weight: 30, arbitrary: fc.integer().map(String) },
          { weight: 1, arbitrary: fc.constantFrom('n/a', utf8('𝒳'), utf8('\uFFFD')) },
        ),
        fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 9 }).map((letters) => letters.join('')),
      ),
      { maxLength: 30 },
    ),
  })
  .map(({ rows }) => rows.map((row) => `${row.join(',')}\n`).join(''));

const beginning = fc.constantFrom(
  '',
  '',
  '',
  '',
  '\xef\xbb\xbf',
  '\xef\xbb\xbf\xef\xbb\xbf',
  '\n',
  '\r\n\n',
  '\xef\xbb\xbf\r',
  '\xff\xfe',
  '\xef',
);

export const documents: fc.Arbitrary<Buffer> = fc
  .tuple(beginning, fc.oneof(noise, table, table, figures))
  .map(([start, rest]) => Buffer.from(start + rest, 'latin1'));

export const dialects: fc.Arbitrary<DialectRequest> = fc.record({
  delimiter: fc.constantFrom('auto', 'auto', ',', ';', '\t', '|'),
  header: fc.boolean(),
  encoding: fc.constantFrom('utf-8', 'utf-8', 'windows-1252'),
});

export const chunkSizes: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: 1, max: 20 }),
  fc.integer({ min: 1, max: 300 }),
);

export const portionSizes: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 1, max: 40 }), {
  maxLength: 5,
});

/** How many documents each property is tried on. More finds more: `CSV_PROPERTY_RUNS=100000 npx vitest run packages/datasets`. */
export const RUNS = Number(process.env['CSV_PROPERTY_RUNS'] ?? 2_000);
