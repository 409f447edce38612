import { Splitter, createChunkEncoder, emptyProfile, mergeProfiles } from '../../src/csv/index.ts';
import { DatasetFailure } from '../../src/csv/index.ts';
import type { ChunkEncoder, DialectRequest, Profile, Reject, SplitResult } from '../../src/csv/index.ts';
import { decodeCopy } from './copy-decoder.ts';

export const DEFAULTS: DialectRequest = { delimiter: 'auto', header: true, encoding: 'utf-8' };

export interface LoadedFile extends SplitResult {
  rows: [number, string[]][];
  rejected: number;
  rejects: Reject[];
  profile: Profile;
}

export interface LoadOptions {
  dialect?: Partial<DialectRequest>;
  chunkBytes?: number;
  /** Sizes of the portions in which the splitter gets the file, over and over; all at once if not given. */
  portions?: readonly number[];
  maxRejects?: number;
}

/** Splits and encodes a file as the worker does, and reads the COPY data. */
export function loadFile(file: Buffer | string, options: LoadOptions = {}): LoadedFile {
  const bytes = Buffer.from(file);
  const split = splitFile(bytes, options);
  const rows: [number, string[]][] = [];
  const rejects: Reject[] = [];
  let rejected = 0;
  let profile = emptyProfile(split.columns.length);
  for (const { start, end, firstRow, firstLine } of split.chunks) {
    const encoder = createChunkEncoder({
      dialect: split.dialect,
      columnCount: split.columns.length,
      firstRow,
      firstLine,
      ...(options.maxRejects === undefined ? {} : { maxRejects: options.maxRejects }),
    });
    rows.push(...decodeCopy(encodeAll(encoder, bytes.subarray(start, end))));
    const result = encoder.result();
    rejected += result.rejected;
    rejects.push(...result.rejects);
    // A profile travels through the database as JSON.
    profile = mergeProfiles(profile, JSON.parse(JSON.stringify(result.profile)) as Profile);
  }
  return { ...split, rows, rejected, rejects, profile };
}

export function splitFile(bytes: Buffer, { dialect, chunkBytes, portions }: LoadOptions = {}): SplitResult {
  const splitter = new Splitter({
    dialect: { ...DEFAULTS, ...dialect },
    ...(chunkBytes === undefined ? {} : { chunkBytes }),
  });
  const sizes = portions === undefined || portions.length === 0 ? [bytes.length] : portions;
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    // The portion is wiped afterwards: what the splitter keeps, it must have copied.
    const portion = Buffer.from(bytes.subarray(at, at + size));
    splitter.push(portion);
    portion.fill(0x22);
    at += size;
  }
  return splitter.end();
}

/** The code of the failure that the file ends in. */
export function failureOf(file: Buffer | string, options: LoadOptions = {}): string {
  try {
    loadFile(file, options);
  } catch (error) {
    if (error instanceof DatasetFailure) return error.code;
    throw error;
  }
  return 'none';
}

/** A chunk's COPY data, all of it. */
export function encodeAll(encoder: ChunkEncoder, chunk: Buffer): Buffer {
  const copies: Buffer[] = [];
  for (const block of encoder.encode(chunk)) copies.push(Buffer.from(block));
  return Buffer.concat(copies);
}
