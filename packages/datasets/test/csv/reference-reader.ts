import type { DialectRequest } from '../../src/csv/index.ts';

/**
 * The contract's grammar once more, to hold the engine to: slow, whole files only, one character after the other,
 * and written from the contract alone. It shares no code with the engine. A file is read as a string of bytes (one
 * character each); cells are decoded at the end.
 */
export interface ReferenceRecord {
  start: number;
  /** Without the line end. */
  end: number;
  /** With it. */
  next: number;
  line: number;
  cells: string[];
  malformed: boolean;
  unterminated: boolean;
}

export interface ReferenceReject {
  row: number;
  line: number;
  reason: string;
  raw: string;
}

export type ReferenceResult =
  | { failure: string }
  | {
      failure: null;
      delimiter: string;
      columns: string[];
      /** Row number and cells. */
      rows: [number, string[]][];
      rejects: ReferenceReject[];
      /** The data records and the empty ones among them. */
      records: ReferenceRecord[];
    };

const LIMIT = 1024 * 1024;

export function readReference(file: Uint8Array, request: DialectRequest): ReferenceResult {
  const text = Buffer.from(file).toString('latin1');
  for (const mark of ['\xff\xfe', '\xfe\xff', '\0\0\xfe\xff']) {
    if (text.startsWith(mark)) return { failure: 'unsupported_encoding' };
  }
  const bom = text.startsWith('\xef\xbb\xbf') ? 3 : 0;
  const delimiter = request.delimiter === 'auto' ? detect(text.slice(bom)) : request.delimiter;
  const all = parseRecords(text, bom, delimiter);
  const records = all.filter(({ start, end }) => end > start);
  const [first] = records;
  if (first === undefined) return { failure: 'empty_file' };
  if (first.end - first.start > LIMIT) return { failure: 'record_too_long' };
  if (request.header && (first.malformed || first.unterminated || first.cells.join('').includes('\0'))) {
    return { failure: 'bad_header' };
  }
  if (first.cells.length > 1600) return { failure: 'too_many_columns' };
  if (records.some(({ start, end }) => end - start > LIMIT)) return { failure: 'record_too_long' };

  const decode = (bytes: string) => decodeBytes(bytes, request.encoding);
  const columns = request.header
    ? nameColumns(first.cells.map(decode))
    : first.cells.map((_, index) => `column_${index + 1}`);
  const data = request.header ? records.slice(1) : records;
  const rows: [number, string[]][] = [];
  const rejects: ReferenceReject[] = [];
  for (const [index, record] of data.entries()) {
    const raw = text.slice(record.start, record.end);
    const reason = reasonToReject(record, raw, columns.length, request.encoding);
    if (reason === null) {
      rows.push([index + 1, record.cells.map(decode)]);
    } else {
      const shown = Array.from(decode(raw)).slice(0, 1024).join('').replace(/\0/g, '\uFFFD');
      rejects.push({ row: index + 1, line: record.line, reason, raw: shown });
    }
  }
  const afterHeader = request.header ? first.next : first.start;
  return {
    failure: null,
    delimiter,
    columns,
    rows,
    rejects,
    records: all.filter(({ start }) => start >= afterHeader),
  };
}

/** All records, the empty ones included. */
export function parseRecords(text: string, from: number, delimiter: string): ReferenceRecord[] {
  const records: ReferenceRecord[] = [];
  let line = 1;
  let at = from;
  while (at < text.length) {
    const record: ReferenceRecord = {
      start: at,
      end: at,
      next: at,
      line,
      cells: [],
      malformed: false,
      unterminated: false,
    };
    let cell = '';
    let state: 'start of cell' | 'unquoted' | 'quoted' | 'after quote' = 'start of cell';
    for (; at < text.length; at++) {
      const character = text[at] ?? '';
      if (state === 'quoted') {
        if (character === '"') state = 'after quote';
        else cell += character;
        continue;
      }
      if (character === '"' && state === 'after quote') {
        cell += '"';
        state = 'quoted';
        continue;
      }
      if (character === '\n' || character === '\r') break;
      if (character === delimiter) {
        record.cells.push(cell);
        cell = '';
        state = 'start of cell';
      } else if (character === '"' && state === 'start of cell') {
        state = 'quoted';
      } else {
        if (state === 'after quote') record.malformed = true;
        state = 'unquoted';
        cell += character;
      }
    }
    record.cells.push(cell);
    record.unterminated = state === 'quoted';
    record.end = at;
    at += text.startsWith('\r\n', at) ? 2 : at < text.length ? 1 : 0;
    record.next = at;
    line += text.slice(record.start, record.next).match(/\r\n|\r|\n/g)?.length ?? 0;
    records.push(record);
  }
  return records;
}

function detect(text: string): string {
  const sample = text.slice(0, 65_536);
  let best = ',';
  let bestShare = 0;
  for (const delimiter of [',', ';', '\t', '|']) {
    let records = parseRecords(sample, 0, delimiter).filter(({ start, end }) => end > start);
    const last = records.at(-1);
    const cutOff = text.length > sample.length && last !== undefined && last.next === last.end;
    if (cutOff && records.length > 1) records = records.slice(0, -1);
    const sizes: Record<number, number> = {};
    for (const { cells } of records) {
      if (cells.length > 1) sizes[cells.length] = (sizes[cells.length] ?? 0) + 1;
    }
    const share = records.length === 0 ? 0 : Math.max(0, ...Object.values(sizes)) / records.length;
    if (share > bestShare) {
      best = delimiter;
      bestShare = share;
    }
  }
  return best;
}

function nameColumns(header: string[]): string[] {
  const filled = header.map((name, index) => name || `column_${index + 1}`);
  const names: string[] = [];
  for (const name of filled) {
    let unique = name;
    for (let n = 2; names.includes(unique); n++) {
      unique = filled.includes(`${name}_${n}`) ? name : `${name}_${n}`;
    }
    names.push(unique);
  }
  return names;
}

function reasonToReject(
  record: ReferenceRecord,
  raw: string,
  columns: number,
  encoding: string,
): string | null {
  if (record.unterminated) return 'unterminated_quote';
  if (record.malformed) return 'malformed_quote';
  if (!isValid(raw, encoding)) return 'invalid_encoding';
  if (record.cells.length !== columns) return 'wrong_cell_count';
  if (record.cells.some((cell) => cell.includes('\0'))) return 'nul_character';
  return null;
}

function isValid(bytes: string, encoding: string): boolean {
  if (encoding === 'windows-1252') return !/[\x81\x8d\x8f\x90\x9d]/.test(bytes);
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'));
    return true;
  } catch {
    return false;
  }
}

function decodeBytes(bytes: string, encoding: string): string {
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(Buffer.from(bytes, 'latin1'));
  // The standard's windows-1252 has control characters where Windows has nothing.
  return encoding === 'windows-1252' ? text.replace(/[\x81\x8d\x8f\x90\x9d]/g, '\uFFFD') : text;
}

/** The chunks of a file, each up to the first record end at or after so many bytes. */
export function referenceChunks(records: readonly ReferenceRecord[], chunkBytes: number, fileBytes: number) {
  const chunks: { number: number; start: number; end: number; firstRow: number; firstLine: number }[] = [];
  let row = 1;
  let open = false;
  for (const { start, end, next, line } of records) {
    if (end > start) {
      if (!open)
        chunks.push({ number: chunks.length, start, end: fileBytes, firstRow: row, firstLine: line });
      open = true;
      row++;
    }
    const chunk = chunks.at(-1);
    if (open && chunk !== undefined && next - chunk.start >= chunkBytes) {
      chunk.end = next;
      open = false;
    }
  }
  return chunks;
}
