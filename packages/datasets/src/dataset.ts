import { type DialectRequest, FILE_FAILURE_CODES } from './csv/index.ts';

/*
 * The states of a dataset. Each arrow is one conditional write of stores/dataset-store.ts, named here as there.
 *
 *                    enqueue            startLoading            recordProgress
 *   awaiting_upload ─────────► queued ──────────────► loading ─────────────────► ready
 *          │                     │                     │   ▲                       ▲
 *          │ (expires       fail │                fail │   │ startLoading          │ recordProgress
 *          ▼  after a day)       │                     ▼   │ (after a redrive)     │ (after a redrive)
 *        gone                    └──────────────────► failed ──────────────────────┘
 *
 *   any state ── startDeleting ──► deleting ── remove ──► gone
 *
 * loading stays loading while the file is split again or chunks come in, and failed stays failed while chunks do. A file
 * of one chunk goes from queued to ready at once (recordLoaded).
 */
export const STATUSES = ['awaiting_upload', 'queued', 'loading', 'ready', 'failed', 'deleting'] as const;

export type Status = (typeof STATUSES)[number];

/** States after which nothing changes any more by itself. */
export const FINAL: readonly Status[] = ['ready', 'failed', 'deleting'];

/** Why a whole dataset failed; the sentences for each are in docs/errors.md. */
export const FAILURE_CODES = [...FILE_FAILURE_CODES, 'loading_failed'] as const;

export type FailureCode = (typeof FAILURE_CODES)[number];

export interface Failure {
  code: FailureCode;
  detail: string;
}

/** Names one dataset; nothing is ever looked up without its tenant. */
export interface DatasetRef {
  tenant: string;
  id: string;
}

export interface Progress {
  chunksTotal: number | null;
  chunksLoaded: number;
  rowsLoaded: number;
  rowsRejected: number;
}

/** What the control plane knows of a dataset. */
export interface Dataset extends DatasetRef {
  name: string;
  status: Status;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
  /** Size of the file; null until it is completed. */
  bytes: number | null;
  /** Which upload is loaded: the object's ETag when it was completed; null before. */
  etag: string | null;
  dialect: DialectRequest;
  /** null until the header was read, and perhaps again while the dataset is deleted. */
  columns: string[] | null;
  progress: Progress;
  failure: Failure | null;
}

/** How long a dataset waits for its file, in seconds. */
export const UPLOAD_WAIT_SECONDS = 24 * 60 * 60;

/** S3's limit for one POST (5 GiB). */
export const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;
