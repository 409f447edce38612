import type { Dialect } from './dialect.ts';
import { toUtf8 } from './encoding.ts';
import { DatasetFailure } from './failure.ts';
import { readRecord } from './record.ts';

/** PostgreSQL's limit of columns in a table (Appendix K), which a dataset keeps to although it stores an array. */
export const MAX_COLUMNS = 1_600;

/**
 * Names of the columns, from the file's first record.
 * @param record - its bytes without the line end
 * @param line - where it starts, for messages
 * @throws {@link DatasetFailure} `bad_header`, `too_many_columns`
 */
export function readColumns(record: Buffer, line: number, dialect: Dialect): string[] {
  const bytes = toUtf8(record, dialect.encoding);
  const cells: string[] = [];
  const shape = readRecord(bytes, 0, dialect.delimiter.charCodeAt(0), (from, to, quoted) => {
    // Beyond the limit only the count matters.
    if (!dialect.header || cells.length > MAX_COLUMNS) return;
    const text = bytes.toString('utf8', from, to);
    cells.push(quoted ? text.replaceAll('""', '"') : text);
  });
  if (dialect.header) {
    if (shape.flaw !== null) {
      const problem =
        shape.flaw === 'malformed_quote'
          ? 'goes on after its closing quote'
          : 'has a quote that is never closed';
      throw new DatasetFailure(
        'bad_header',
        `Cell ${shape.flawedCell} of the header on line ${line} ${problem}.`,
      );
    }
    if (bytes.includes(0)) {
      throw new DatasetFailure('bad_header', `The header on line ${line} holds a NUL character.`);
    }
  }
  if (shape.cells > MAX_COLUMNS) {
    throw new DatasetFailure(
      'too_many_columns',
      `The first record, on line ${line}, has ${shape.cells} cells; at most ${MAX_COLUMNS} columns are allowed.`,
    );
  }
  return dialect.header
    ? uniqueNames(cells)
    : Array.from({ length: shape.cells }, (_, index) => numbered(index));
}

/** Fills in empty names and numbers repeated ones, so that each name occurs once. */
function uniqueNames(cells: readonly string[]): string[] {
  const names = cells.map((cell, index) => (cell === '' ? numbered(index) : cell));
  const held = new Set(names);
  const lastNumber = new Map<string, number>();
  return names.map((name) => {
    const last = lastNumber.get(name);
    if (last === undefined) {
      lastNumber.set(name, 1);
      return name;
    }
    let number = last + 1;
    while (held.has(`${name}_${number}`)) number++;
    lastNumber.set(name, number);
    return `${name}_${number}`;
  });
}

function numbered(index: number): string {
  return `column_${index + 1}`;
}
