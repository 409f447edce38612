import { firstCharacters } from './encoding.ts';
import { addNumbers, createNumberColumn, numberProfile } from './number-column.ts';
import type { NumberColumn } from './number-column.ts';
import { parseDecimal } from './number.ts';
import { TEXT_CHARACTERS } from './profile.ts';
import type { ColumnProfile, Profile } from './profile.ts';

/** UTF-8 bytes that surely hold {@link TEXT_CHARACTERS}. Texts are compared by so many: the rest is not shown. */
const TEXT_BYTES = 4 * TEXT_CHARACTERS;

/** Where the cells of some rows are, row by row. */
export interface Cells {
  /** Goes on for 8 bytes after every cell at least; they are read, but do not matter. */
  block: Buffer;
  /** Of the block. */
  view: DataView;
  /** Offset of each cell's text in the block. */
  starts: Int32Array;
  /** Its bytes. */
  lengths: Int32Array;
  count: number;
}

/** Adds up what a profile says of the rows of one chunk. */
export interface Profiler {
  observe(cells: Cells): void;
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

/** Goes through the cells column by column, so that what is added up stays in registers. */
export function createProfiler(columnCount: number): Profiler {
  const columns = Array.from({ length: columnCount }, (): Column => ({
    empty: 0,
    nonEmpty: 0,
    smallest: null,
    largest: null,
    numbers: createNumberColumn(),
  }));
  /** Room for the numbers of one column. */
  let values = new Float64Array(0);
  return {
    observe(cells) {
      if (values.length < cells.count / columnCount) values = new Float64Array(cells.count / columnCount);
      for (const [index, column] of columns.entries()) {
        observeTexts(column, index, columnCount, cells);
        if (column.numbers !== null && !observeNumbers(column.numbers, index, columnCount, cells, values))
          column.numbers = null;
      }
    },
    result: () => columns.map(profileOf),
  };
}

// The loops are functions of the module, not of each profiler: so they are compiled once, and stay so.

function observeTexts(column: Column, first: number, columnCount: number, cells: Cells): void {
  const { view, starts, lengths, count } = cells;
  let nonEmpty = 0;
  // Numbers of cells.
  let smallest = 0;
  let largest = 0;
  // Their keys are enough to tell that most cells are neither, or, being shorter than a key, equal to one.
  let smallestKey = Number.POSITIVE_INFINITY;
  let largestKey = -1;
  for (let cell = first; cell < count; cell += columnCount) {
    const length = lengths[cell] ?? 0;
    if (length === 0) continue;
    nonEmpty++;
    const key = keyOf(view, starts[cell] ?? 0, length);
    if (
      key < smallestKey ||
      (key === smallestKey && length >= KEY_BYTES && compareCells(cells, cell, smallest) < 0)
    ) {
      smallest = cell;
      smallestKey = key;
    }
    if (
      key > largestKey ||
      (key === largestKey && length >= KEY_BYTES && compareCells(cells, cell, largest) > 0)
    ) {
      largest = cell;
      largestKey = key;
    }
  }
  column.nonEmpty += nonEmpty;
  column.empty += count / columnCount - nonEmpty;
  if (nonEmpty === 0) return;
  const low = textOf(cells, smallest);
  const high = textOf(cells, largest);
  if (column.smallest === null || low.compare(column.smallest) < 0) column.smallest = Buffer.from(low);
  if (column.largest === null || high.compare(column.largest) > 0) column.largest = Buffer.from(high);
}

/** False if one of the cells is no number. */
function observeNumbers(
  column: NumberColumn,
  first: number,
  columnCount: number,
  cells: Cells,
  values: Float64Array,
): boolean {
  const { block, view, starts, lengths, count } = cells;
  let parsed = 0;
  for (let cell = first; cell < count; cell += columnCount) {
    const at = starts[cell] ?? 0;
    const length = lengths[cell] ?? 0;
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
  const head = headOf(view, at, length) * 0x1_0000;
  if (length >= KEY_BYTES) return head + view.getUint16(at + 4);
  return length === 5 ? head + view.getUint8(at + 4) * 0x100 : head;
}

/** The first four bytes, or what there is of them and zeros. */
function headOf(view: DataView, at: number, length: number): number {
  const head = view.getUint32(at);
  return length >= 4 ? head : (head & (-1 << (32 - 8 * length))) >>> 0;
}

function textOf({ block, starts, lengths }: Cells, cell: number): Buffer {
  const start = starts[cell] ?? 0;
  return block.subarray(start, start + Math.min(TEXT_BYTES, lengths[cell] ?? 0));
}

/** Order of two cells with the same key by their bytes, which in UTF-8 is that of the code points. */
function compareCells({ view, starts, lengths }: Cells, a: number, b: number): number {
  const aStart = starts[a] ?? 0;
  const bStart = starts[b] ?? 0;
  const aLength = Math.min(TEXT_BYTES, lengths[a] ?? 0);
  const bLength = Math.min(TEXT_BYTES, lengths[b] ?? 0);
  const common = Math.min(aLength, bLength);
  for (let index = KEY_BYTES; index < common; index += 4) {
    const aWord = headOf(view, aStart + index, common - index);
    const bWord = headOf(view, bStart + index, common - index);
    if (aWord !== bWord) return aWord < bWord ? -1 : 1;
  }
  return aLength - bLength;
}
