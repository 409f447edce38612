import { isUtf8 } from 'node:buffer';
import { BACKSLASH, CR, LF, QUOTE, controlBytes, firstHit, repeatByte, viewOf, zeroBytes } from './bytes.ts';
import { COPY_HEADER, COPY_TRAILER, TUPLE_HEADER_BYTES, writeTupleHeader } from './copy-binary.ts';
import type { Dialect } from './dialect.ts';
import { toUtf8 } from './encoding.ts';
import { CELL_END, LONGEST_ESCAPE, ROW_END, ROW_START, writeEscape } from './json.ts';
import { emptyProfile } from './profile.ts';
import type { Profile } from './profile.ts';
import { type Cells, createProfiler } from './profiler.ts';
import { readRecord } from './record.ts';
import { countLines, rawText, whyRejected } from './reject.ts';
import type { Reject } from './reject.ts';

/** Rejects that are kept of a dataset; all are counted. */
export const MAX_REJECTS = 10_000;

/** A block is handed out once it holds this much; one record may make it longer. With less, handing over takes its time. */
const BLOCK_BYTES = 1024 * 1024;

/**
 * Bytes of text in a row group, unless it is of one row: with it a tuple is as long as Postgres keeps whole in a table,
 * 2,032 bytes (TOAST_TUPLE_THRESHOLD: four fill a page), less 24 of header, 8 of `first_row` and 4 of the text's length.
 */
const GROUP_BYTES = 1_996;

/** Rows in a row group at most: with its line end, one takes 5 bytes at least, `[""]`. */
export const MAX_GROUP_ROWS = Math.floor((GROUP_BYTES + 1) / 5);

export interface ChunkEncoderOptions {
  dialect: Pick<Dialect, 'delimiter' | 'encoding'>;
  columnCount: number;
  /** Number of the chunk's first data record. */
  firstRow: number;
  /** Line of the file on which it starts. */
  firstLine: number;
  /** {@link MAX_REJECTS} if not given. */
  maxRejects?: number;
  /** False leaves the profile out (an empty one is given). For measuring what it costs. */
  profile?: boolean;
}

export interface ChunkResult {
  /** Records that are in the COPY data. */
  rows: number;
  /** Records that are not. */
  rejected: number;
  /** The first of these, in file order. */
  rejects: Reject[];
  profile: Profile;
}

export interface ChunkEncoder {
  /**
   * The chunk as PostgreSQL's binary COPY data for `(first_row bigint, rows text)`, block by block, from header to
   * trailer. A tuple is a row group: rows that follow each other, a line each, as JSON arrays of their cells. A
   * block is good until the next but one is asked for, when its memory is used again, the last one for ever: so one can
   * be encoded while the one before is sent. It lies in shared memory, so that another thread can send it, but for the
   * last. Nothing is encoded before it is asked for. Call it once.
   * @param bytes - the whole chunk, as the splitter cut it
   */
  encode(bytes: Buffer): Generator<Buffer, void, undefined>;
  /** What came of it; complete when `encode` has run to its end. */
  result(): ChunkResult;
}

const QUOTES = repeatByte(QUOTE);
const BACKSLASHES = repeatByte(BACKSLASH);

/** Where rows are put together until they are sent. */
interface Room {
  block: Buffer;
  view: DataView;
  /** The cells of the rows in the block. */
  cells: Cells;
}

/** A chunk being encoded. */
interface Work {
  delimiter: number;
  columnCount: number;
  firstRow: number;
  maxRejects: number;
  /** The chunk in UTF-8. */
  input: Buffer;
  source: DataView;
  /** Offset in the input of the next record. */
  at: number;
  /** Whether every record must be checked for invalid bytes and NULs, since the chunk holds some. */
  suspect: boolean;
  room: Room;
  /** Of the block before, which may still be being sent. */
  otherRoom: Room;
  /** Offset in the block from which on, behind all rows, the texts of cells are that JSON writes differently. */
  texts: number;
  rows: number;
  rejected: number;
  rejects: Reject[];
  /** Line of the file at `lineAt` in the input. Moved on only by rejects: nobody else needs it. */
  line: number;
  lineAt: number;
}

/**
 * Encodes one chunk of a file. Cells go from bytes to bytes, without a string or an object for any; only records that
 * are rejected are looked at twice.
 */
export function createChunkEncoder(options: ChunkEncoderOptions): ChunkEncoder {
  const profiler = options.profile === false ? null : createProfiler(options.columnCount);
  let work: Work | null = null;

  function* encode(chunk: Buffer): Generator<Buffer, void, undefined> {
    work = startWork(options, chunk);
    const { input } = work;
    try {
      let out = COPY_HEADER.copy(work.room.block);
      while (work.at < input.length) {
        out = fill(work, out);
        profiler?.observe(work.room.cells);
        if (out >= BLOCK_BYTES) {
          // No copy: those of a large file made half of a worker's garbage.
          yield work.room.block.subarray(0, out);
          [work.room, work.otherRoom] = [work.otherRoom, work.room];
          out = 0;
        }
      }
      out += COPY_TRAILER.copy(work.room.block, out);
      yield Buffer.from(work.room.block.subarray(0, out));
    } finally {
      spareRooms.push(work.room, work.otherRoom);
    }
  }

  function result(): ChunkResult {
    const { rows, rejected, rejects } = work ?? { rows: 0, rejected: 0, rejects: [] };
    return { rows, rejected, rejects, profile: profiler?.result() ?? emptyProfile(options.columnCount) };
  }

  return { encode, result };
}

/**
 * Rooms that no chunk is put together in just now: as many as were ever in use at once. Allocated anew for every chunk
 * they would make up most of a worker's garbage, and the C library gives memory of that size back late.
 */
const spareRooms: Room[] = [];

function borrowRoom(bytes: number, cells: number): Room {
  const spare = spareRooms.pop();
  if (spare && spare.block.length >= bytes && spare.cells.starts.length >= cells) return spare;
  const block = Buffer.from(new SharedArrayBuffer(bytes));
  const view = viewOf(block);
  return {
    block,
    view,
    cells: { block, view, starts: new Int32Array(cells), lengths: new Int32Array(cells), count: 0 },
  };
}

function startWork(options: ChunkEncoderOptions, chunk: Buffer): Work {
  const { dialect, columnCount, firstRow, firstLine, maxRejects = MAX_REJECTS } = options;
  const input = toUtf8(chunk, dialect.encoding);
  // Room for any record that begins before the block is full, and for a word that is copied or read beyond its end.
  // Memory that is not written to costs next to nothing.
  const texts = BLOCK_BYTES + TUPLE_HEADER_BYTES + LONGEST_ESCAPE * input.length + 3 * columnCount + 8;
  const roomBytes = texts + input.length + 8;
  // Each takes 3 bytes at least.
  const cells = Math.ceil(BLOCK_BYTES / 3) + columnCount;
  return {
    delimiter: dialect.delimiter.charCodeAt(0),
    columnCount,
    firstRow,
    maxRejects,
    input,
    source: viewOf(input),
    at: 0,
    suspect: !isUtf8(input) || input.includes(0),
    room: borrowRoom(roomBytes, cells),
    otherRoom: borrowRoom(roomBytes, cells),
    texts,
    rows: 0,
    rejected: 0,
    rejects: [],
    line: firstLine,
    lineAt: 0,
  };
}

/**
 * Encodes records until the block, filled up to `start`, is full or the input is over. Returns the block's end.
 *
 * The hot loop: one function, on the module's top level, that is compiled once for all chunks. (A closure that is
 * made anew for each chunk starts cold each time.)
 */
function fill(work: Work, start: number): number {
  const { source, delimiter, columnCount, room } = work;
  const { block, view: target, cells: located } = room;
  const { starts, lengths } = located;
  const delimiters = repeatByte(delimiter);
  const length = source.byteLength;
  const lastWord = length - 4;
  let at = work.at;
  let out = start;
  let count = 0;
  let texts = work.texts;
  /** Where the text of the open row group begins; 0 while none is open. */
  let group = 0;
  let groupRow = 0;
  while (at < length && out < BLOCK_BYTES) {
    let byte = source.getUint8(at);
    // An empty record, or the rest of a CRLF.
    if (byte === LF || byte === CR) {
      at++;
      continue;
    }
    const recordStart = at;
    const groupEnd = out;
    const rowStart = group === 0 ? out + TUPLE_HEADER_BYTES : out + 1;
    target.setInt16(rowStart, ROW_START, true);
    out = rowStart + 2;
    let cells = 0;
    let regular = true;
    do {
      if (cells === columnCount) {
        regular = false;
        break;
      }
      const cellStart = out;
      const quoted = at < length && source.getUint8(at) === QUOTE;
      if (quoted) at++;
      const textStart = at;
      let textEnd = at;
      let escaped = false;
      if (quoted) {
        for (;;) {
          // Words are copied before they are understood: what is too much is overwritten by what comes next.
          if (at <= lastWord) {
            const word = source.getInt32(at, true);
            target.setInt32(out, word, true);
            const hits = controlBytes(word) | zeroBytes(word ^ QUOTES) | zeroBytes(word ^ BACKSLASHES);
            if (hits === 0) {
              at += 4;
              out += 4;
              continue;
            }
            const before = firstHit(hits);
            at += before;
            out += before;
          } else if (at >= length) {
            regular = false;
            break;
          }
          byte = source.getUint8(at++);
          if (byte === QUOTE) {
            if (at === length || source.getUint8(at) !== QUOTE) break;
            at++;
          } else if (byte >= 0x20 && byte !== BACKSLASH) {
            target.setUint8(out++, byte);
            continue;
          }
          escaped = true;
          out = writeEscape(target, out, byte);
        }
        textEnd = at - 1;
        byte = at < length ? source.getUint8(at) : LF;
        if (byte !== delimiter && byte !== LF && byte !== CR) regular = false;
        if (!regular) break;
      } else {
        for (;;) {
          if (at <= lastWord) {
            const word = source.getInt32(at, true);
            target.setInt32(out, word, true);
            const hits =
              controlBytes(word) |
              zeroBytes(word ^ delimiters) |
              zeroBytes(word ^ QUOTES) |
              zeroBytes(word ^ BACKSLASHES);
            if (hits === 0) {
              at += 4;
              out += 4;
              continue;
            }
            const before = firstHit(hits);
            at += before;
            out += before;
          } else if (at >= length) {
            byte = LF;
            break;
          }
          byte = source.getUint8(at);
          if (byte === delimiter || byte === LF || byte === CR) break;
          at++;
          if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
            target.setUint8(out++, byte);
          } else {
            escaped = true;
            out = writeEscape(target, out, byte);
          }
        }
        textEnd = at;
      }
      const cell = count + cells;
      if (escaped) {
        starts[cell] = texts;
        texts = copyText(work, textStart, textEnd, quoted, texts);
        lengths[cell] = texts - (starts[cell] ?? 0);
      } else {
        starts[cell] = cellStart;
        lengths[cell] = out - cellStart;
      }
      target.setInt32(out, CELL_END, true);
      out += 3;
      cells++;
      at++;
    } while (byte === delimiter);

    if (regular && cells === columnCount && !(work.suspect && isBad(work.input.subarray(recordStart, at)))) {
      out -= 3;
      target.setInt16(out, ROW_END, true);
      out += 2;
      const row = work.firstRow + work.rows + work.rejected;
      if (group === 0) {
        group = rowStart;
        groupRow = row;
      } else if (out - group <= GROUP_BYTES) {
        target.setUint8(groupEnd, LF);
      } else {
        // Begins a group of its own: moves to where it leaves room for the header.
        writeTupleHeader(target, group, groupEnd, groupRow);
        group = groupEnd + TUPLE_HEADER_BYTES;
        groupRow = row;
        const shift = group - rowStart;
        block.copyWithin(group, rowStart, out);
        out += shift;
        for (let cell = count; cell < count + columnCount; cell++) {
          const cellStart = starts[cell] ?? 0;
          if (cellStart < work.texts) starts[cell] = cellStart + shift;
        }
      }
      work.rows++;
      count += columnCount;
    } else {
      // The rows of a group have numbers without a gap.
      if (group !== 0) writeTupleHeader(target, group, groupEnd, groupRow);
      group = 0;
      out = groupEnd;
      at = reject(work, recordStart);
    }
  }
  if (group !== 0) writeTupleHeader(target, group, out, groupRow);
  located.count = count;
  work.at = at;
  return out;
}

/** Copies the text of a cell, as it is in the file, to `to` in the block. Returns where it ends. */
function copyText(work: Work, start: number, end: number, quoted: boolean, to: number): number {
  const { input, room } = work;
  if (!quoted) return to + input.copy(room.block, to, start, end);
  let out = to;
  for (let at = start; at < end; at++) {
    const byte = input[at] ?? 0;
    room.block[out++] = byte;
    // The second of a doubled quote.
    if (byte === QUOTE) at++;
  }
  return out;
}

/** Counts the record at `start` as rejected and says why, unless there are too many. Returns where the next begins. */
function reject(work: Work, start: number): number {
  const { input } = work;
  const shape = readRecord(input, start, work.delimiter);
  if (work.rejects.length < work.maxRejects) {
    work.line += countLines(input, work.lineAt, start);
    work.lineAt = start;
    const record = input.subarray(start, shape.end);
    const row = work.firstRow + work.rows + work.rejected;
    const { reason, detail } = whyRejected(record, shape, work.columnCount);
    work.rejects.push({ row, line: work.line, reason, detail, raw: rawText(record) });
  }
  work.rejected++;
  return shape.next;
}

/** Whether a record holds bytes that cannot be loaded. */
function isBad(record: Buffer): boolean {
  return !isUtf8(record) || record.includes(0);
}
