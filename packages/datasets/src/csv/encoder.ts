import { isUtf8 } from 'node:buffer';
import { CR, LF, QUOTE, bytesUpToCr, firstHit, repeatByte, viewOf, zeroBytes } from './bytes.ts';
import { COPY_HEADER, COPY_TRAILER, ROW_HEADER_BYTES, writeRowHeader } from './copy-binary.ts';
import type { Dialect } from './dialect.ts';
import { toUtf8 } from './encoding.ts';
import { emptyProfile } from './profile.ts';
import type { Profile } from './profile.ts';
import { createProfiler } from './profiler.ts';
import { readRecord } from './record.ts';
import { countLines, rawText, whyRejected } from './reject.ts';
import type { Reject } from './reject.ts';

/** Rejects that are kept of a dataset; all are counted. */
export const MAX_REJECTS = 10_000;

/** A block is handed out once it holds this much; one record may make it longer. */
const BLOCK_BYTES = 256 * 1024;

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
   * The chunk as PostgreSQL's binary COPY data for `(row_no bigint, cells text[])`, block by block, from header to
   * trailer. A block is good until the next one is asked for, when its memory is used again, the last one for ever.
   * Nothing is encoded before it is asked for. Call it once.
   * @param bytes - the whole chunk, as the splitter cut it
   */
  encode(bytes: Buffer): Generator<Buffer, void, undefined>;
  /** What came of it; complete when `encode` has run to its end. */
  result(): ChunkResult;
}

const QUOTES = repeatByte(QUOTE);

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
  /** Where rows are put together until they are copied out. */
  block: Buffer;
  target: DataView;
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
    const { input, block } = work;
    try {
      let out = COPY_HEADER.copy(block);
      while (work.at < input.length) {
        const end = fill(work, out);
        profiler?.observe(block, out, end);
        out = end;
        if (out >= BLOCK_BYTES) {
          // No copy: those of a large file made half of a worker's garbage.
          yield block.subarray(0, out);
          out = 0;
        }
      }
      out += COPY_TRAILER.copy(block, out);
      yield Buffer.from(block.subarray(0, out));
    } finally {
      spareBlocks.push(block);
    }
  }

  function result(): ChunkResult {
    const { rows, rejected, rejects } = work ?? { rows: 0, rejected: 0, rejects: [] };
    return { rows, rejected, rejects, profile: profiler?.result() ?? emptyProfile(options.columnCount) };
  }

  return { encode, result };
}

/**
 * Blocks that no chunk is put together in just now: as many as were ever in use at once. Allocated anew for every chunk
 * they would make up most of a worker's garbage, and the C library gives memory of that size back late.
 */
const spareBlocks: Buffer[] = [];

function borrowBlock(bytes: number): Buffer {
  const spare = spareBlocks.pop();
  return spare && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes);
}

function startWork(options: ChunkEncoderOptions, chunk: Buffer): Work {
  const { dialect, columnCount, firstRow, firstLine, maxRejects = MAX_REJECTS } = options;
  const input = toUtf8(chunk, dialect.encoding);
  // Room for any record that begins before the block is full, and for a word that is copied or read beyond its end.
  // Memory that is not written to costs next to nothing.
  const block = borrowBlock(BLOCK_BYTES + ROW_HEADER_BYTES + 4 * columnCount + input.length + 8);
  return {
    delimiter: dialect.delimiter.charCodeAt(0),
    columnCount,
    firstRow,
    maxRejects,
    input,
    source: viewOf(input),
    at: 0,
    suspect: !isUtf8(input) || input.includes(0),
    block,
    target: viewOf(block),
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
  const { source, target, delimiter, columnCount } = work;
  const delimiters = repeatByte(delimiter);
  const length = source.byteLength;
  const lastWord = length - 4;
  let at = work.at;
  let out = start;
  while (at < length && out < BLOCK_BYTES) {
    let byte = source.getUint8(at);
    // An empty record, or the rest of a CRLF.
    if (byte === LF || byte === CR) {
      at++;
      continue;
    }
    const recordStart = at;
    const rowStart = out;
    out += ROW_HEADER_BYTES;
    let cells = 0;
    let regular = true;
    do {
      if (cells === columnCount) {
        regular = false;
        break;
      }
      out += 4;
      const cellStart = out;
      if (at < length && source.getUint8(at) === QUOTE) {
        at++;
        for (;;) {
          // Words are copied before they are understood: what is too much is overwritten by what comes next.
          if (at <= lastWord) {
            const word = source.getInt32(at, true);
            target.setInt32(out, word, true);
            const hits = zeroBytes(word ^ QUOTES);
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
          }
          target.setUint8(out++, byte);
        }
        byte = at < length ? source.getUint8(at) : LF;
        if (byte !== delimiter && byte !== LF && byte !== CR) regular = false;
        if (!regular) break;
      } else {
        for (;;) {
          if (at <= lastWord) {
            const word = source.getInt32(at, true);
            target.setInt32(out, word, true);
            const hits = bytesUpToCr(word) | zeroBytes(word ^ delimiters);
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
          target.setUint8(out++, byte);
          at++;
        }
      }
      target.setInt32(cellStart - 4, out - cellStart);
      cells++;
      at++;
    } while (byte === delimiter);

    if (regular && cells === columnCount && !(work.suspect && isBad(work.input.subarray(recordStart, at)))) {
      writeRowHeader(target, rowStart, out, work.firstRow + work.rows + work.rejected, columnCount);
      work.rows++;
    } else {
      out = rowStart;
      at = reject(work, recordStart);
    }
  }
  work.at = at;
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
