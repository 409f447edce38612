/**
 * Text on a terminal: made harmless, measured and cut in terminal cells.
 */

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Combining marks and format characters: drawn onto the character before, or not at all. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]/u;

/**
 * Two cells wide: East_Asian_Width W and F of Unicode's EastAsianWidth.txt, joined to blocks, and emoji.
 */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1aff0}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]|\ufe0f/u;

/** Controls (C0, DEL, C1), line and paragraph separators, and the marks that reorder text. */
const UNSAFE = /\r\n|[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * The text with every character that could move the cursor, colour the screen or reorder a line replaced by a
 * visible one: `↵` for a line end, `⇥` for a tab, Unicode's control pictures or `\u{…}` for the rest.
 * What others wrote (cells, names, error details) goes to the terminal only through here.
 */
export function visible(text: string): string {
  return PRINTABLE_ASCII.test(text) ? text : text.toWellFormed().replace(UNSAFE, picture);
}

function picture(match: string): string {
  if (match === '\n' || match === '\r\n') return '↵';
  if (match === '\t') return '⇥';
  const code = match.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '␡';
  return `\\u{${code.toString(16)}}`;
}

/** How many terminal cells the text takes. */
export function displayWidth(text: string): number {
  if (PRINTABLE_ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/** The text if it fits into `width` cells, else as much of it as fits with a `…` after it. */
export function truncate(text: string, width: number): string {
  // A cell takes one code unit or more, save for marks: measuring a megabyte to show 40 cells would be waste.
  const candidate = text.length > 8 * width ? text.slice(0, 8 * width) : text;
  if (candidate === text && displayWidth(text) <= width) return text;
  let kept = '';
  let used = 0;
  for (const { segment } of graphemes.segment(candidate)) {
    used += graphemeWidth(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return width > 0 ? `${kept}…` : '';
}

/** The text cut to `width` cells and padded with spaces to exactly that many. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const cut = truncate(text, width);
  const padding = ' '.repeat(Math.max(0, width - displayWidth(cut)));
  return align === 'left' ? cut + padding : padding + cut;
}

function graphemeWidth(grapheme: string): number {
  if (WIDE.test(grapheme)) return 2;
  return ZERO_WIDTH.test(grapheme) ? 0 : 1;
}
