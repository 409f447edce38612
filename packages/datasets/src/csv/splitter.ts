import { CR, LF, QUOTE, firstHit, repeatByte, viewOf, zeroBytes } from './bytes.ts';
import { SAMPLE_BYTES, detectDelimiter } from './dialect.ts';
import type { Dialect, DialectRequest } from './dialect.ts';
import { DatasetFailure } from './failure.ts';
import { readColumns } from './header.ts';

/** Bytes after which a chunk ends with the next record, unless asked otherwise: 8 MiB. */
export const CHUNK_BYTES = 8 * 1024 * 1024;

/** Bytes that a record may have without its line end: 1 MiB. */
export const MAX_RECORD_BYTES = 1_048_576;

/** A run of whole records, of which at least one is a data record. */
export interface ChunkRange {
  /** From 0. */
  number: number;
  /** Offset in the file of its first data record. */
  start: number;
  /** Offset in the file after its last line end. */
  end: number;
  /** Number of its first data record, from 1. */
  firstRow: number;
  /** Line of the file on which that record starts, from 1. */
  firstLine: number;
}

/** What is known of a file once its first record was read. */
export interface FileHead {
  /** With the delimiter that was asked for or detected. */
  dialect: Dialect;
  columns: string[];
}

export interface SplitResult extends FileHead {
  /** Those that were not taken before, in order. What lies between chunks is the header and empty records. */
  chunks: ChunkRange[];
  /** How many chunks there are, with those that were taken before. */
  chunksTotal: number;
  /** Data records in the file. */
  records: number;
}

export interface SplitterOptions {
  dialect: DialectRequest;
  /** A chunk ends at the first record end at or after this many bytes; {@link CHUNK_BYTES} if not given. */
  chunkBytes?: number;
}

const LFS = repeatByte(LF);
const CRS = repeatByte(CR);
const QUOTES = repeatByte(QUOTE);
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Bytes of a byte order mark at most: UTF-32's. */
const LONGEST_MARK = 4;

/**
 * Finds the chunks of a file that streams by, each a run of whole records, and what is known of the file as a whole.
 * Its memory does not grow with the file, if chunks are taken as they are found: it keeps the sample that the delimiter is
 * detected on and the first record.
 *
 * Two phases: `push` first collects the sample; then `begin` settles the dialect and from there on `scan` sees each
 * byte once. Offsets in `scan` are relative to the bytes at hand (negative: in earlier ones), fields are absolute.
 */
export class Splitter {
  readonly #request: DialectRequest;
  readonly #chunkBytes: number;
  #sample: Buffer[] = [];
  #sampleBytes = 0;

  #dialect: Dialect | null = null;
  #columns: string[] | null = null;
  /** Copies of the first record's bytes so far, while its end has not been seen. */
  #firstRecord: Buffer[] = [];
  /** Closed, but not taken yet. */
  readonly #chunks: ChunkRange[] = [];
  #chunksTotal = 0;
  /** The chunk that the current record belongs to; null until its first data record has ended. */
  #open: ChunkRange | null = null;
  #records = 0;

  /** Offset in the file of the next byte. */
  #offset = 0;
  #previous = LF;
  #quoted = false;
  /** Offset after the last closing quote: another quote there makes the pair a doubled one. */
  #closedAt = -1;
  #recordStart = 0;
  #recordLine = 1;
  /** Line ends so far. */
  #lines = 0;

  constructor(options: SplitterOptions) {
    this.#request = options.dialect;
    this.#chunkBytes = options.chunkBytes ?? CHUNK_BYTES;
  }

  /**
   * Takes the next bytes of the file, in any portion. They may be reused afterwards.
   * @throws {@link DatasetFailure}
   */
  push(bytes: Buffer): void {
    if (this.#dialect !== null) {
      this.#scan(bytes, this.#dialect);
      return;
    }
    // One byte more than the sample tells that the file goes on.
    const enough = this.#request.delimiter === 'auto' ? BOM.length + SAMPLE_BYTES + 1 : LONGEST_MARK;
    const sample = bytes.subarray(0, enough - this.#sampleBytes);
    this.#sample.push(Buffer.from(sample));
    this.#sampleBytes += sample.length;
    if (this.#sampleBytes === enough) this.#scan(bytes.subarray(sample.length), this.#begin(false));
  }

  /** null until the first record was read. */
  get head(): FileHead | null {
    return this.#dialect && this.#columns && { dialect: this.#dialect, columns: this.#columns };
  }

  /** The chunks that were found since it was last asked for them, in order. */
  take(): ChunkRange[] {
    // Until the next chunk has begun, the last one may still take in an LF.
    return this.#chunks.splice(0, this.#open ? this.#chunks.length : this.#chunks.length - 1);
  }

  /**
   * The file is over.
   * @throws {@link DatasetFailure}
   */
  end(): SplitResult {
    const dialect = this.#dialect ?? this.#begin(true);
    if (this.#offset > this.#recordStart) this.#endRecord(Buffer.alloc(0), 0, false, dialect);
    if (this.#open !== null) this.#closeChunk(this.#open, this.#offset);
    if (this.#columns === null) throw new DatasetFailure('empty_file', 'The file holds no record.');
    return {
      dialect,
      columns: this.#columns,
      chunks: this.#chunks,
      chunksTotal: this.#chunksTotal,
      records: this.#records,
    };
  }

  #begin(ended: boolean): Dialect {
    const head = Buffer.concat(this.#sample);
    this.#sample = [];
    refuseOtherUnicode(head);
    const start = head.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
    const sample = head.subarray(start, start + SAMPLE_BYTES);
    const complete = ended && start + sample.length === head.length;
    const { delimiter } = this.#request;
    const dialect: Dialect = {
      ...this.#request,
      delimiter: delimiter === 'auto' ? detectDelimiter(sample, complete) : delimiter,
    };
    this.#dialect = dialect;
    this.#offset = start;
    this.#recordStart = start;
    this.#scan(head.subarray(start), dialect);
    return dialect;
  }

  #scan(bytes: Buffer, dialect: Dialect): void {
    const view = viewOf(bytes);
    const length = bytes.length;
    const lastWord = length - 4;
    const delimiter = dialect.delimiter.charCodeAt(0);
    const offset = this.#offset;
    let quoted = this.#quoted;
    let closedAt = this.#closedAt - offset;
    let recordStart = this.#recordStart - offset;
    let lines = this.#lines;
    let at = 0;
    for (;;) {
      // Leaps to the next line end or quote; whatever else is in a record does not matter here.
      if (at <= lastWord) {
        const word = view.getInt32(at, true);
        const hits = zeroBytes(word ^ LFS) | zeroBytes(word ^ CRS) | zeroBytes(word ^ QUOTES);
        if (hits === 0) {
          at += 4;
          continue;
        }
        at += firstHit(hits);
      } else if (at >= length) {
        break;
      }
      const byte = view.getUint8(at);
      if (byte === QUOTE) {
        if (quoted) {
          quoted = false;
          closedAt = at + 1;
        } else {
          // Only at the start of a cell, or as the second of a doubled quote; elsewhere it is an ordinary character.
          const previous = at > 0 ? view.getUint8(at - 1) : this.#previous;
          quoted = at === recordStart || previous === delimiter || at === closedAt;
        }
      } else if (byte === CR || byte === LF) {
        // The LF of a CRLF is no line of its own; outside quotes it then ends an empty record, which nobody counts.
        const crlf = byte === LF && (at > 0 ? view.getUint8(at - 1) : this.#previous) === CR;
        if (!crlf) lines++;
        if (!quoted) {
          this.#recordStart = recordStart + offset;
          this.#lines = lines;
          this.#endRecord(bytes, at, crlf, dialect);
          recordStart = at + 1;
        }
      }
      at++;
    }
    if (length === 0) return;
    this.#previous = view.getUint8(length - 1);
    this.#quoted = quoted;
    this.#closedAt = closedAt + offset;
    this.#recordStart = recordStart + offset;
    this.#lines = lines;
    this.#offset = offset + length;
    if (length - recordStart > MAX_RECORD_BYTES) this.#failTooLong();
    if (this.#columns === null && recordStart < length) {
      this.#firstRecord.push(Buffer.from(bytes.subarray(Math.max(0, recordStart))));
    }
  }

  /**
   * The record that started at `#recordStart`, perhaps an empty one, ends at the line end `bytes[at]` or, beyond the bytes, with the file.
   * @param crlf - it is what lies between a CR and its LF: nothing
   */
  #endRecord(bytes: Buffer, at: number, crlf: boolean, dialect: Dialect): void {
    const recordEnd = this.#offset + at;
    if (recordEnd > this.#recordStart) {
      if (recordEnd - this.#recordStart > MAX_RECORD_BYTES) this.#failTooLong();
      if (this.#columns !== null) this.#countRecord();
      else this.#endFirstRecord(bytes, at, dialect);
    }
    const next = at < bytes.length ? recordEnd + 1 : recordEnd;
    this.#recordStart = next;
    this.#recordLine = this.#lines + 1;
    if (this.#open !== null) {
      if (next - this.#open.start >= this.#chunkBytes) this.#closeChunk(this.#open, next);
    } else if (crlf) {
      // A chunk that was closed at the CR takes its LF in, too.
      const last = this.#chunks.at(-1);
      if (last?.end === recordEnd) last.end = next;
    }
  }

  #endFirstRecord(bytes: Buffer, at: number, dialect: Dialect): void {
    const rest = bytes.subarray(Math.max(0, this.#recordStart - this.#offset), at);
    const record = Buffer.concat([...this.#firstRecord, rest]);
    this.#firstRecord = [];
    this.#columns = readColumns(record, this.#recordLine, dialect);
    if (!dialect.header) this.#countRecord();
  }

  #countRecord(): void {
    this.#open ??= {
      number: this.#chunksTotal,
      start: this.#recordStart,
      end: this.#recordStart,
      firstRow: this.#records + 1,
      firstLine: this.#recordLine,
    };
    this.#records++;
  }

  #closeChunk(chunk: ChunkRange, end: number): void {
    chunk.end = end;
    this.#chunks.push(chunk);
    this.#chunksTotal++;
    this.#open = null;
  }

  #failTooLong(): never {
    throw new DatasetFailure(
      'record_too_long',
      `The record that starts on line ${this.#recordLine} is longer than ${MAX_RECORD_BYTES} bytes. ` +
        'A quote that is never closed is the usual cause.',
    );
  }
}

/** UTF-32 and UTF-16 begin with these marks; the two that start with FF FE need no telling apart. */
function refuseOtherUnicode(head: Buffer): void {
  const mark = head.toString('hex', 0, LONGEST_MARK);
  if (mark.startsWith('fffe') || mark.startsWith('feff') || mark === '0000feff') {
    throw new DatasetFailure(
      'unsupported_encoding',
      'The file starts with the byte order mark of UTF-16 or UTF-32. Save it as UTF-8 and upload it again.',
    );
  }
}
