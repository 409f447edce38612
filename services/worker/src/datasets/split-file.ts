import { Readable } from 'node:stream';
import {
  type Dataset,
  DatasetFailure,
  type DatasetRef,
  datasetOf,
  FileChanged,
  type FileStore,
  type LoadChunk,
  type SplitFile,
  Splitter,
  type SplitResult,
} from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { loadChunk } from './load-chunk.ts';
import { reportProgress } from './report-progress.ts';

/** Up to this size a file stays in memory until its chunk is loaded. */
const WHOLE_BYTES = 256 * 1024;

interface Split extends SplitResult {
  whole: Buffer | undefined;
}

/**
 * Reads an uploaded file once, from end to end, finds its chunks, makes room for its rows and sends a message for each
 * chunk; a single one it loads itself. Memory does not depend on the file's size. A second run finds and sends the same.
 */
export async function splitFile(
  message: SplitFile,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<void> {
  const { datasets, producer } = dependencies;
  const { log, signal } = context;
  const ref = datasetOf(message);

  const dataset = await claim(message, ref, dependencies);
  if (!dataset) {
    log.info('dataset is gone, deleted, done, or was completed with another upload: nothing to split');
    // An earlier run may have been killed before it could do this.
    return cleanUpIfDeleted(ref, dependencies, context);
  }

  let split: Split;
  try {
    split = await splitAsBefore(message, dataset, dependencies, signal);
  } catch (error) {
    if (!(error instanceof DatasetFailure) && !(error instanceof FileChanged)) throw error;
    const code = error instanceof DatasetFailure ? error.code : 'loading_failed';
    const failed = await datasets.fail(ref, { code, detail: error.message });
    if (failed) log.warn({ code, detail: error.message }, 'dataset failed');
    return;
  }

  const { chunks, columns, dialect } = split;
  // Recorded before the chunks are sent, so that their progress always finds a dataset that is loading. A crash in
  // between loses nothing: this message is deleted last.
  const loading = await datasets.startLoading(ref, { dialect, columns, chunksTotal: chunks.length });
  if (!loading) return cleanUpIfDeleted(ref, dependencies, context);
  log.info({ bytes: message.bytes, records: split.records, chunks: chunks.length }, 'file split');
  const messages = chunks.map((chunk): LoadChunk => ({
    type: 'load-chunk',
    version: 1,
    tenant: ref.tenant,
    datasetId: ref.id,
    etag: message.etag,
    chunk,
    delimiter: dialect.delimiter,
    encoding: dialect.encoding,
    columnCount: columns.length,
  }));
  const [first, second] = messages;
  if (!first) return reportProgress(ref, columns.length, dependencies, context);
  // Nobody could help with one chunk, and a message of its own would cost more than a small file's rows.
  if (!second) return loadChunk(first, withWhole(dependencies, split.whole), context);
  await producer.sendAll(messages);
}

/**
 * Binds the dataset to this upload, unless `complete` has done so already (it sends the message first). A message of
 * an upload that lost the race is answered with undefined.
 */
async function claim(
  message: SplitFile,
  ref: DatasetRef,
  { datasets }: Dependencies,
): Promise<Dataset | undefined> {
  const { etag, bytes } = message;
  let dataset = await datasets.get(ref);
  if (!dataset || dataset.status === 'awaiting_upload')
    dataset = (await datasets.enqueue(ref, { etag, bytes })) ?? (await datasets.get(ref));
  if (!dataset || dataset.etag !== etag) return undefined;
  const splittable =
    dataset.status === 'queued' ||
    dataset.status === 'loading' ||
    (dataset.status === 'failed' && dataset.failure?.code === 'loading_failed');
  return splittable ? dataset : undefined;
}

/**
 * Finds the chunks and makes room for their rows. If an earlier run cut the file by another size, since CHUNK_BYTES
 * was changed in between, some of those chunks may be loaded already: then it is read again and cut as it was.
 */
async function splitAsBefore(
  message: SplitFile,
  dataset: Dataset,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<Split> {
  const { files, loads, chunkBytes } = dependencies;
  const split = await readChunks(message, dataset, files, chunkBytes, signal);
  const chunksTotal = split.chunks.length;
  const firstChunkBytes = await loads.prepare(dataset, { chunkBytes, chunksTotal }, signal);
  if (firstChunkBytes === chunkBytes) return split;
  return readChunks(message, dataset, files, firstChunkBytes, signal);
}

async function readChunks(
  message: SplitFile,
  dataset: Dataset,
  files: FileStore,
  chunkBytes: number,
  signal: AbortSignal,
): Promise<Split> {
  const splitter = new Splitter({ dialect: dataset.dialect, chunkBytes });
  const body = await files.read(dataset.id, message.etag, undefined, signal);
  const parts: Buffer[] = [];
  for await (const bytes of body) {
    splitter.push(bytes as Buffer);
    if (message.bytes <= WHOLE_BYTES) parts.push(bytes as Buffer);
  }
  return { ...splitter.end(), whole: parts.length > 0 ? Buffer.concat(parts) : undefined };
}

/** A file that is still in memory is not fetched again: a tenth of what a small file takes. */
function withWhole(dependencies: Dependencies, whole: Buffer | undefined): Dependencies {
  if (!whole) return dependencies;
  const read: FileStore['read'] = async (_id, _etag, range) =>
    Readable.from([whole.subarray(range?.start, range?.end)]);
  return { ...dependencies, files: { ...dependencies.files, read } };
}

/**
 * A dataset may be deleted while it is split. Whoever deletes drops the table, but may have done so before it was made
 * here, as with column names that are kept in S3; the record says whether.
 */
async function cleanUpIfDeleted(
  ref: DatasetRef,
  { datasets, files, loads }: Dependencies,
  { log }: HandlerContext,
): Promise<void> {
  const dataset = await datasets.get(ref);
  if (dataset && dataset.status !== 'deleting') return;
  if (!(await loads.remove(ref))) return;
  await files.remove(ref.id);
  log.info('dataset was deleted while its file was split');
}
