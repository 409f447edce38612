import { BACKSLASH, QUOTE } from './bytes.ts';

/*
 * A row as it is stored: a JSON array of its cells, byte for byte what `JSON.stringify` makes of them, so that a text can
 * be looked for in rows by its own JSON.
 */

/** What stands around cells, as little-endian words: `["`, `","` and `"]`. */
export const ROW_START = 0x225b;
export const CELL_END = 0x222c22;
export const ROW_END = 0x5d22;

/** Bytes that a byte takes at most: a control character is `\u0000`. */
export const LONGEST_ESCAPE = 6;

/** `\u00` as a little-endian word. */
const UNICODE_ESCAPE = 0x3030755c;
const HEX_DIGITS = Buffer.from('0123456789abcdef');

/** What follows the backslash, of characters that have a short escape; 0 of others. */
const SHORT_ESCAPES = new Uint8Array(128);
for (const [byte, letter] of Object.entries({
  0x08: 'b',
  0x09: 't',
  0x0a: 'n',
  0x0c: 'f',
  0x0d: 'r',
  [QUOTE]: '"',
  [BACKSLASH]: '\\',
})) {
  SHORT_ESCAPES[Number(byte)] = letter.charCodeAt(0);
}

/** Writes the escape of a quote, a backslash or a control character. Returns where the next byte goes. */
export function writeEscape(view: DataView, at: number, byte: number): number {
  const short = SHORT_ESCAPES[byte] ?? 0;
  if (short !== 0) {
    view.setUint8(at, BACKSLASH);
    view.setUint8(at + 1, short);
    return at + 2;
  }
  view.setInt32(at, UNICODE_ESCAPE, true);
  view.setUint8(at + 4, HEX_DIGITS[byte >> 4] ?? 0);
  view.setUint8(at + 5, HEX_DIGITS[byte & 15] ?? 0);
  return at + 6;
}
