import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { presentProfile } from '../../src/csv/index.ts';
import { RUNS } from './documents.ts';
import { DEFAULTS, loadFile } from './load-file.ts';
import { readReference } from './reference-reader.ts';

/** Well-formed files mean the same to everybody, so there csv-parse tells whether the reference reader is right. */
const withCsvParse = (file: Buffer | string, delimiter: string): string[][] =>
  parse(file, {
    delimiter,
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    skip_empty_lines: true,
    relax_column_count: true,
  });

const fixtures = new URL('../../../../test/fixtures/', import.meta.url);
const names = ['', 'spectrum/'].flatMap((folder) =>
  readdirSync(new URL(folder, fixtures))
    .filter((name) => /\.[ct]sv$/.test(name))
    .map((name) => folder + name),
);

test.each(names)('the reference reader, csv-parse and the engine agree on %s', (name) => {
  const file = readFileSync(new URL(name, fixtures));
  const reference = readReference(file, DEFAULTS);
  if (reference.failure !== null) throw new Error(reference.failure);
  const [header, ...rows] = withCsvParse(file, reference.delimiter);
  expect(reference.columns).toEqual(header);
  expect(reference.rows.map(([, cells]) => cells)).toEqual(rows);
  expect(reference.rejects).toEqual([]);
  const loaded = loadFile(file, { chunkBytes: 10_000, portions: [4_096] });
  expect(loaded.rows).toEqual(reference.rows);
  expect(loaded.columns).toEqual(reference.columns);
});

test('the reference reader and csv-parse agree on any well-formed file', () => {
  const text = fc.array(
    fc.constantFrom('a', 'é', '😀', ' ', '1', ',', ';', '\t', '|', '\n', '\r', '\r\n', '"'),
    { maxLength: 8 },
  );
  const cell = text.map((parts) => {
    const content = parts.join('');
    return /[",;\t|\r\n]/.test(content) || content === '' ? `"${content.replaceAll('"', '""')}"` : content;
  });
  const file = fc.record({
    rows: fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 8 }),
    delimiter: fc.constantFrom(',', ';', '\t', '|'),
    end: fc.constantFrom('\n', '\r\n', '\r', '\n\n', '\r\n\r\n'),
    bom: fc.boolean(),
  });
  fc.assert(
    fc.property(file, ({ rows, delimiter, end, bom }) => {
      const content = Buffer.from(
        (bom ? '\uFEFF' : '') + rows.map((row) => row.join(delimiter) + end).join(''),
      );
      const reference = readReference(content, { delimiter, header: false, encoding: 'utf-8' });
      if (reference.failure !== null) throw new Error(reference.failure);
      const width = rows[0]?.length;
      const expected = withCsvParse(content, delimiter);
      expect(reference.rows.map(([, cells]) => cells)).toEqual(
        expected.filter(({ length }) => length === width),
      );
      expect(reference.rows.length + reference.rejects.length).toBe(expected.length);
    }),
    { numRuns: RUNS },
  );
});

test('the profile of a real file is what one would say of it', () => {
  const { columns, profile } = loadFile(readFileSync(new URL('seattle-weather.csv', fixtures)), {
    chunkBytes: 5_000,
  });
  const shown = presentProfile(columns, profile);
  expect(
    shown.map(({ name, type, empty, nonEmpty, min, max }) => [name, type, empty, nonEmpty, min, max]),
  ).toEqual([
    ['date', 'text', 0, 1461, '2012-01-01', '2015-12-31'],
    ['precipitation', 'number', 0, 1461, 0, 55.9],
    ['temp_max', 'number', 0, 1461, -1.6, 35.6],
    ['temp_min', 'number', 0, 1461, -7.1, 18.3],
    ['wind', 'number', 0, 1461, 0.4, 9.5],
    ['weather', 'text', 0, 1461, 'drizzle', 'sun'],
  ]);
  expect(shown[2]?.mean).toBeCloseTo(16.439_082_819_986_3, 10);
  expect(shown[2]?.histogram?.map(({ count }) => count).reduce((a, b) => a + b)).toBe(1461);
});
