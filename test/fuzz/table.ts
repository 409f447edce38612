import fc from 'fast-check';

/** A file, and what it must become. */
export interface Table {
  dialect: { delimiter: string; header: boolean; encoding: string };
  columns: string[];
  rows: string[][];
  file: Buffer;
}

/** Cells that have broken programs before, of characters that both encodings have. */
const cell = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      'a',
      '1',
      '-1.50',
      '"',
      'x,y',
      'x;y',
      '\t',
      'a\r\nb',
      "'",
      '\\.',
      '\\N',
      'é',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 12 }) },
);

const name = fc.oneof(
  fc.constantFrom(
    'a',
    'A',
    ' ',
    '__proto__',
    'constructor',
    'where.a',
    'limit',
    '%',
    'a.b',
    'a b',
    '"',
    "'; --",
    'é',
    'x,y',
  ),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 }),
);

/** Every cell quoted, so that what a cell holds is no matter of the dialect. */
export const tables: fc.Arbitrary<Table> = fc
  .record({
    delimiter: fc.constantFrom(',', ';', '\t', '|', 'auto'),
    header: fc.boolean(),
    encoding: fc.constantFrom('utf-8', 'windows-1252'),
    names: fc.uniqueArray(name, { minLength: 1, maxLength: 5 }),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
  })
  .chain(({ names, lineEnd, ...dialect }) =>
    fc
      .array(fc.array(cell, { minLength: names.length, maxLength: names.length }), {
        minLength: 1,
        maxLength: 40,
      })
      .map((rows) => {
        const delimiter = dialect.delimiter === 'auto' ? ',' : dialect.delimiter;
        const text = (dialect.header ? [names, ...rows] : rows)
          .map((cells) => cells.map((each) => `"${each.replaceAll('"', '""')}"`).join(delimiter) + lineEnd)
          .join('');
        return {
          dialect,
          columns: dialect.header ? names : names.map((_, index) => `column_${index + 1}`),
          rows,
          file: Buffer.from(text, dialect.encoding === 'utf-8' ? 'utf8' : 'latin1'),
        };
      }),
  );

/** One reading of rows: from where, how many at a time, and only those whose cells equal these. */
export interface Reading {
  after: number;
  limit: number;
  filters: { column: number; text: string }[];
}

export const readings = ({ columns, rows }: Table): fc.Arbitrary<Reading> =>
  fc.record({
    after: fc.oneof(fc.constant(0), fc.nat(rows.length + 1), fc.constant(Number.MAX_SAFE_INTEGER)),
    limit: fc.oneof(fc.integer({ min: 1, max: rows.length + 1 }), fc.constant(1_000)),
    filters: fc.oneof(
      fc.constant<Reading['filters']>([]),
      fc.array(
        fc.record({
          column: fc.nat(columns.length - 1),
          text: fc.oneof(cell, fc.constantFrom(...rows.flat())),
        }),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
    ),
  });

/** What a reading must give: the numbers of the rows. */
export function expected({ rows }: Table, { after, filters }: Reading): number[] {
  return rows.flatMap((cells, index) => {
    const holds = filters.every(({ column, text }) => cells[column] === text);
    return holds && index + 1 > after ? [index + 1] : [];
  });
}
