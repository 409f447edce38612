import { viewOf } from './bytes.ts';
import { ROW_HEADER_BYTES } from './copy-binary.ts';
import { firstCharacters } from './encoding.ts';
import { addNumbers, createNumberColumn, numberProfile } from './number-column.ts';
import type { NumberColumn } from './number-column.ts';
import { parseDecimal } from './number.ts';
import { TEXT_CHARACTERS } from './profile.ts';
import type { ColumnProfile, Profile } from './profile.ts';

/** UTF-8 bytes that surely hold {@link TEXT_CHARACTERS}. Texts are compared by so many: the rest is not shown. */
const TEXT_BYTES = 4 * TEXT_CHARACTERS;

/** Adds up what a profile says of the rows of one chunk. */
export interface Profiler {
  /**
   * Looks at the encoded rows in `block[start, end)`.
   * @param block - goes on for 8 bytes after `end` at least; they are read, but do not matter
   */
  observe(block: Buffer, start: number, end: number): void;
  /** The profile of all rows so far. */
  result(): Profile;
}

interface Column {
  empty: number;
  nonEmpty: number;
  smallest: Buffer | null;
  largest: Buffer | null;
  /** Null once a cell was no number. */
  numbers: NumberColumn | null;
}

/** Goes through each block column by column, so that what is added up stays in registers. */
export function createProfiler(columnCount: number): Profiler {
  const columns = Array.from({ length: columnCount }, (): Column => ({
    empty: 0,
    nonEmpty: 0,
    smallest: null,
    largest: null,
    numbers: createNumberColumn(),
  }));
  const cells: Cells = { columnCount, offsets: new Int32Array(0), count: 0, values: new Float64Array(0) };
  return {
    observe(block, start, end) {
      const view = viewOf(block);
      locateCells(cells, view, start, end);
      for (const [index, column] of columns.entries()) {
        observeTexts(column, index, cells, view, block);
        if (column.numbers !== null && !observeNumbers(column.numbers, index, cells, view, block))
          column.numbers = null;
      }
    },
    result: () => columns.map(profileOf),
  };
}

// The loops are functions of the module, not of each profiler: so they are compiled once, and stay so.

/** Where the cells of a block are. */
interface Cells {
  columnCount: number;
  /** Row by row the offset of each cell's text. Its length stands in the 4 bytes before. */
  offsets: Int32Array;
  count: number;
  /** Room for the numbers of one column. */
  values: Float64Array;
}

function locateCells(cells: Cells, view: DataView, start: number, end: number): void {
  const { columnCount } = cells;
  // Each cell takes 4 bytes at least.
  const most = Math.floor((end - start) / 4);
  if (cells.offsets.length < most) {
    cells.offsets = new Int32Array(most);
    cells.values = new Float64Array(Math.ceil(most / columnCount));
  }
  const { offsets } = cells;
  let count = 0;
  for (let at = start; at < end;) {
    at += ROW_HEADER_BYTES;
    for (let column = 0; column < columnCount; column++) {
      at += 4;
      offsets[count++] = at;
      at += view.getInt32(at - 4);
    }
  }
  cells.count = count;
}

function observeTexts(column: Column, first: number, cells: Cells, view: DataView, block: Buffer): void {
  const { offsets, count, columnCount } = cells;
  let nonEmpty = 0;
  let smallest = 0;
  let largest = 0;
  // Their keys are enough to tell that most cells are neither, or, being shorter than a key, equal to one.
  let smallestKey = Number.POSITIVE_INFINITY;
  let largestKey = -1;
  for (let cell = first; cell < count; cell += columnCount) {
    const at = offsets[cell] ?? 0;
    const length = view.getInt32(at - 4);
    if (length === 0) continue;
    nonEmpty++;
    const key = keyOf(view, at, length);
    if (
      key < smallestKey ||
      (key === smallestKey && length >= KEY_BYTES && compareCells(view, at, smallest) < 0)
    ) {
      smallest = at;
      smallestKey = key;
    }
    if (
      key > largestKey ||
      (key === largestKey && length >= KEY_BYTES && compareCells(view, at, largest) > 0)
    ) {
      largest = at;
      largestKey = key;
    }
  }
  column.nonEmpty += nonEmpty;
  column.empty += count / columnCount - nonEmpty;
  if (nonEmpty === 0) return;
  const low = textAt(view, block, smallest);
  const high = textAt(view, block, largest);
  if (column.smallest === null || low.compare(column.smallest) < 0) column.smallest = Buffer.from(low);
  if (column.largest === null || high.compare(column.largest) > 0) column.largest = Buffer.from(high);
}

/** False if one of the cells is no number. */
function observeNumbers(
  column: NumberColumn,
  first: number,
  cells: Cells,
  view: DataView,
  block: Buffer,
): boolean {
  const { offsets, count, columnCount, values } = cells;
  let parsed = 0;
  for (let cell = first; cell < count; cell += columnCount) {
    const at = offsets[cell] ?? 0;
    const length = view.getInt32(at - 4);
    if (length === 0) continue;
    if (!parseDecimal(view, block, at, at + length, values, parsed)) return false;
    parsed++;
  }
  addNumbers(column, values, parsed);
  return true;
}

function profileOf({ empty, nonEmpty, smallest, largest, numbers }: Column): ColumnProfile {
  return {
    empty,
    nonEmpty,
    text:
      smallest === null || largest === null
        ? null
        : { min: firstCharacters(smallest, TEXT_CHARACTERS), max: firstCharacters(largest, TEXT_CHARACTERS) },
    numbers: nonEmpty === 0 || numbers === null ? null : numberProfile(numbers),
  };
}

/** Bytes of a cell that make its key: as many as a double counts exactly. */
const KEY_BYTES = 6;

/** The first bytes of a cell as a number, zeros behind it: keys are ordered as the cells are. */
function keyOf(view: DataView, at: number, length: number): number {
  const head = view.getUint32(at);
  if (length >= KEY_BYTES) return head * 0x1_0000 + view.getUint16(at + 4);
  if (length === 5) return head * 0x1_0000 + view.getUint8(at + 4) * 0x100;
  return (length === 4 ? head : (head & (-1 << (32 - 8 * length))) >>> 0) * 0x1_0000;
}

function textAt(view: DataView, block: Buffer, at: number): Buffer {
  return block.subarray(at, at + Math.min(TEXT_BYTES, view.getInt32(at - 4)));
}

/** Order of two cells by their bytes, which in UTF-8 is that of the code points. */
function compareCells(view: DataView, a: number, b: number): number {
  const aLength = Math.min(TEXT_BYTES, view.getInt32(a - 4));
  const bLength = Math.min(TEXT_BYTES, view.getInt32(b - 4));
  const common = Math.min(aLength, bLength);
  let index = 0;
  while (index + 4 <= common && view.getInt32(a + index) === view.getInt32(b + index)) index += 4;
  while (index < common && view.getUint8(a + index) === view.getUint8(b + index)) index++;
  return index < common ? view.getUint8(a + index) - view.getUint8(b + index) : aLength - bLength;
}
