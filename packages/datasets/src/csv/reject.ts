import { CR, LF } from './bytes.ts';
import { firstCharacters } from './encoding.ts';
import type { RecordShape } from './record.ts';
import { isUtf8 } from 'node:buffer';

export type RejectReason =
  | 'unterminated_quote'
  | 'malformed_quote'
  | 'invalid_encoding'
  | 'wrong_cell_count'
  | 'nul_character';

/** A record that could not be loaded. */
export interface Reject {
  /** Number of the data record. */
  row: number;
  /** Line of the file on which it starts. */
  line: number;
  reason: RejectReason;
  detail: string;
  /** Its text without the line end, the first 1,024 characters. */
  raw: string;
}

/** Characters (code points) of a reject's text that are kept. */
const RAW_CHARACTERS = 1_024;

/** Why a record is rejected that has at least one of the reasons: the first of them in the contract's order. */
export function whyRejected(
  record: Buffer,
  shape: RecordShape,
  columnCount: number,
): { reason: RejectReason; detail: string } {
  switch (shape.flaw) {
    case 'unterminated_quote':
      return { reason: shape.flaw, detail: `the file ends inside the quotes of cell ${shape.flawedCell}` };
    case 'malformed_quote':
      return { reason: shape.flaw, detail: `cell ${shape.flawedCell} goes on after its closing quote` };
    case null:
      break;
  }
  if (!isUtf8(record))
    return { reason: 'invalid_encoding', detail: 'bytes that are not valid in the encoding of the file' };
  if (shape.cells !== columnCount) {
    return {
      reason: 'wrong_cell_count',
      detail: `${shape.cells} ${shape.cells === 1 ? 'cell' : 'cells'}, expected ${columnCount}`,
    };
  }
  return { reason: 'nul_character', detail: 'a NUL character, which PostgreSQL text cannot hold' };
}

/** The text of a record as a reject shows it. */
export function rawText(record: Buffer): string {
  return firstCharacters(record, RAW_CHARACTERS).replaceAll('\0', '\uFFFD');
}

/** Line ends in `bytes[from, to)`; `to` must not lie within a CRLF. */
export function countLines(bytes: Buffer, from: number, to: number): number {
  let lines = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === LF || (byte === CR && bytes[at + 1] !== LF)) lines++;
  }
  return lines;
}
