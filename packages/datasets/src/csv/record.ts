import { CR, LF, QUOTE } from './bytes.ts';

/** One record as the grammar sees it. */
export interface RecordShape {
  /** Offset of its line end, or of the end of the bytes. */
  end: number;
  /** Offset of what follows its line end. (Of a CRLF, the LF: it reads as an empty record.) */
  next: number;
  cells: number;
  flaw: 'unterminated_quote' | 'malformed_quote' | null;
  /** Number of the cell (from 1) that has the flaw, the first of several; 0 if there is none. */
  flawedCell: number;
}

/**
 * Told of each cell: the offsets of its text, within the quotes if it is quoted (a doubled quote is not resolved).
 */
export type OnCell = (from: number, to: number, quoted: boolean) => void;

/**
 * Reads the record at `start`. This is the grammar in plain form, for what needs no speed: detecting the delimiter, the
 * header, and records that the encoder rejects. An empty record has `end === start`.
 */
export function readRecord(bytes: Buffer, start: number, delimiter: number, onCell?: OnCell): RecordShape {
  const shape: RecordShape = { end: start, next: start, cells: 0, flaw: null, flawedCell: 0 };
  let at = start;
  for (;;) {
    shape.cells++;
    const quoted = bytes[at] === QUOTE;
    const from = quoted ? at + 1 : at;
    let to = from;
    if (quoted) {
      to = closingQuote(bytes, from);
      if (to === -1) {
        shape.flaw = 'unterminated_quote';
        shape.flawedCell = shape.cells;
        shape.end = bytes.length;
        shape.next = bytes.length;
        onCell?.(from, bytes.length, true);
        return shape;
      }
      at = to + 1;
      if (!endsCell(bytes, at, delimiter) && shape.flaw === null) {
        shape.flaw = 'malformed_quote';
        shape.flawedCell = shape.cells;
      }
    }
    while (!endsCell(bytes, at, delimiter)) at++;
    onCell?.(from, quoted ? to : at, quoted);
    if (bytes[at] !== delimiter) break;
    at++;
  }
  shape.end = at;
  shape.next = Math.min(bytes.length, at + 1);
  return shape;
}

/** Offset of the next quote that is not doubled, or -1. */
function closingQuote(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(QUOTE, from);
  while (at !== -1 && bytes[at + 1] === QUOTE) at = bytes.indexOf(QUOTE, at + 2);
  return at;
}

function endsCell(bytes: Buffer, at: number, delimiter: number): boolean {
  const byte = bytes[at];
  return byte === delimiter || byte === LF || byte === CR || byte === undefined;
}
