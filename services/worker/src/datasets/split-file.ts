import {
  type Dataset,
  DatasetFailure,
  type DatasetRef,
  datasetOf,
  FileChanged,
  type LoadChunk,
  type SplitFile,
  Splitter,
  type SplitResult,
} from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { reportProgress } from './report-progress.ts';

/**
 * Reads an uploaded file once, from end to end, finds its chunks, makes room for its rows and sends a message for each
 * chunk. Memory does not depend on the file’s size. A second run finds and sends the same.
 */
export async function splitFile(
  message: SplitFile,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<void> {
  const { datasets, loads, producer } = dependencies;
  const { log, signal } = context;
  const ref = datasetOf(message);

  const dataset = await claim(message, ref, dependencies);
  if (!dataset) {
    log.info('dataset is gone, deleted, done, or was completed with another upload: nothing to split');
    return;
  }

  let split: SplitResult;
  try {
    split = await readChunks(message, dataset, dependencies, signal);
  } catch (error) {
    if (!(error instanceof DatasetFailure) && !(error instanceof FileChanged)) throw error;
    const code = error instanceof DatasetFailure ? error.code : 'loading_failed';
    await datasets.fail(ref, { code, detail: error.message });
    log.warn({ code, detail: error.message }, 'dataset failed');
    return;
  }

  const { chunks, columns, dialect } = split;
  await loads.prepare(ref, chunks.length, signal);
  // Recorded before the chunks are sent, so that their progress always finds a dataset that is loading. A crash in
  // between loses nothing: this message is deleted last.
  const loading = await datasets.startLoading(ref, { dialect, columns, chunksTotal: chunks.length });
  if (!loading) return cleanUpIfDeleted(ref, dependencies, context);
  await producer.sendAll(
    chunks.map((chunk): LoadChunk => ({
      type: 'load-chunk',
      version: 1,
      tenant: ref.tenant,
      datasetId: ref.id,
      etag: message.etag,
      chunk,
      delimiter: dialect.delimiter,
      encoding: dialect.encoding,
      columnCount: columns.length,
    })),
  );
  log.info({ bytes: message.bytes, records: split.records, chunks: chunks.length }, 'file split');
  if (chunks.length === 0) await reportProgress(ref, columns.length, dependencies, context);
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
  const dataset = (await datasets.enqueue(ref, { etag, bytes })) ?? (await datasets.get(ref));
  if (!dataset || dataset.etag !== etag) return undefined;
  const splittable =
    dataset.status === 'queued' ||
    dataset.status === 'loading' ||
    (dataset.status === 'failed' && dataset.failure?.code === 'loading_failed');
  return splittable ? dataset : undefined;
}

async function readChunks(
  message: SplitFile,
  dataset: Dataset,
  { files, chunkBytes }: Dependencies,
  signal: AbortSignal,
): Promise<SplitResult> {
  const splitter = new Splitter({ dialect: dataset.dialect, chunkBytes });
  const body = await files.read(dataset.id, message.etag, undefined, signal);
  for await (const bytes of body) splitter.push(bytes as Buffer);
  return splitter.end();
}

/**
 * The dataset was deleted while it was split. Whoever deletes drops the table, but may have done so before it was
 * made here; the record says which.
 */
async function cleanUpIfDeleted(ref: DatasetRef, { datasets, loads }: Dependencies, { log }: HandlerContext) {
  const dataset = await datasets.get(ref);
  if (dataset && dataset.status !== 'deleting') return;
  await loads.remove(ref.id);
  log.info('dataset was deleted while its file was split');
}
