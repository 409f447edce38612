import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { expect, inject, test } from 'vitest';
import { createClient } from '../support/client.ts';

const client = createClient(inject('url'));

/** Real files: the fixtures, and any folder more that STOWAGE_DATA_DIR names. */
const folders = [
  fileURLToPath(new URL('../fixtures', import.meta.url)),
  process.env['STOWAGE_DATA_DIR'] ?? '',
];
const files = folders.filter(Boolean).flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[ct]sv$/.test(name))
    .map((name) => join(folder, name)),
);

test.each(files.map((file) => [basename(file), file]))(
  '%s: every cell is what csv-parse reads',
  async (name, file) => {
    const bytes = readFileSync(file);
    const dataset = await client.load(name.slice(0, 200), bytes);
    expect(dataset.failure).toBeNull();

    const [header = [], ...records] = parse(bytes, {
      bom: true,
      delimiter: dataset.dialect.delimiter,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
    });
    expect(dataset.dialect.delimiter).toBe(name.endsWith('.tsv') ? '\t' : ',');
    expect(dataset.columns).toEqual(header);
    const wanted = records
      .map((cells, index) => ({ row: index + 1, cells }))
      .filter(({ cells }) => cells.length === header.length);
    const read = (await client.rows(dataset.id)).map(({ row, values }) => ({
      row,
      cells: header.map((column) => values[column]),
    }));
    expect(read).toEqual(wanted);
    expect(dataset.progress).toMatchObject({
      rowsLoaded: wanted.length,
      rowsRejected: records.length - wanted.length,
    });
  },
);
