/** The part of the HTTP contract this client uses. The api serves all of it at `/openapi.json`. */

export type Delimiter = ',' | ';' | '\t' | '|';
export type Encoding = 'utf-8' | 'windows-1252';

/** How a file is to be read. The api replaces `auto` with what it detected. */
export interface Dialect {
  delimiter: 'auto' | Delimiter;
  header: boolean;
  encoding: Encoding;
}

export interface Dataset {
  id: string;
  name: string;
  status: 'awaiting_upload' | 'queued' | 'loading' | 'ready' | 'failed' | 'deleting';
  createdAt: string;
  updatedAt: string;
  bytes: number | null;
  dialect: Dialect;
  columns: string[] | null;
  progress: { chunksTotal: number | null; chunksLoaded: number; rowsLoaded: number; rowsRejected: number };
  failure: { code: string; detail: string } | null;
}

/** A pre-signed S3 POST: `fields` first, then the file as `file`, as `multipart/form-data` to `url`. */
export interface UploadTarget {
  url: string;
  fields: Record<string, string>;
  maxBytes: number;
}

export interface CreateRequest {
  name: string;
  dialect: Dialect;
}

export interface CreateAnswer {
  dataset: Dataset;
  upload: UploadTarget;
}

export interface Row {
  row: number;
  values: Record<string, string>;
}

export interface Reject {
  row: number;
  line: number;
  reason: string;
  detail: string;
  raw: string;
}

export interface Page<Item> {
  items: Item[];
  nextAfter: number | null;
}

export interface ColumnProfile {
  name: string;
  type: 'number' | 'text';
  empty: number;
  nonEmpty: number;
  min: number | string | null;
  max: number | string | null;
}

export interface Profile {
  columns: ColumnProfile[];
}

/** An `application/problem+json` body (RFC 9457). `instance` is the request id. */
export interface Problem {
  title: string;
  status: number;
  code: string;
  detail: string;
  instance: string;
  errors?: { pointer: string; detail: string }[];
}
