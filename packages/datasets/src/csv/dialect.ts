import type { Encoding } from './encoding.ts';
import { readRecord } from './record.ts';

/** In the order in which a tie of detection is decided. */
export const DELIMITERS = [',', ';', '\t', '|'] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** How the client says that the file is written. */
export interface DialectRequest {
  delimiter: 'auto' | Delimiter;
  /** Whether the first record holds the names of the columns. */
  header: boolean;
  encoding: Encoding;
}

/** How the file is written, once its delimiter is known. */
export interface Dialect extends DialectRequest {
  delimiter: Delimiter;
}

/** Bytes of the file, after a byte order mark, that the delimiter is detected on. */
export const SAMPLE_BYTES = 65_536;

/**
 * The delimiter that gives the largest share of records one and the same count of cells, greater than 1. Comma if
 * there is none.
 * @param sample - the start of the file
 * @param complete - false if the file goes on: a record that the sample cuts off then counts only if it is the only one
 */
export function detectDelimiter(sample: Buffer, complete: boolean): Delimiter {
  let best: { delimiter: Delimiter; group: number; records: number } = {
    delimiter: ',',
    group: 0,
    records: 1,
  };
  for (const delimiter of DELIMITERS) {
    const { group, records } = agreement(sample, complete, delimiter.charCodeAt(0));
    // Two fractions compared without dividing, so that equal shares are equal.
    if (group * best.records > best.group * records) best = { delimiter, group, records };
  }
  return best.delimiter;
}

/** Size of the largest group of records with one count of cells above 1, and the number of all non-empty records. */
function agreement(sample: Buffer, complete: boolean, delimiter: number): { group: number; records: number } {
  const groups = new Map<number, number>();
  let records = 0;
  for (let at = 0; at < sample.length;) {
    const { end, next, cells } = readRecord(sample, at, delimiter);
    const empty = end === at;
    at = next;
    if (empty) continue;
    const cutOff = end === sample.length && !complete;
    if (cutOff && records > 0) break;
    records++;
    if (cells > 1) groups.set(cells, (groups.get(cells) ?? 0) + 1);
  }
  return { group: Math.max(0, ...groups.values()), records };
}
