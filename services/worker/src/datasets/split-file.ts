import {
  type Dataset,
  DatasetFailure,
  type DatasetRef,
  datasetOf,
  FileChanged,
  type SplitFile,
} from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { loadWhole } from './load-whole.ts';
import { sendChunks } from './send-chunks.ts';

/**
 * Takes on an uploaded file: a small one it loads itself, of a larger one it sends a message for each chunk.
 */
export async function splitFile(
  message: SplitFile,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<void> {
  const { log } = context;
  const ref = datasetOf(message);

  const dataset = await claim(message, ref, dependencies);
  if (!dataset) {
    log.info('dataset is gone, deleted, done, or was completed with another upload: nothing to split');
    // An earlier run may have been killed before it could do this.
    return cleanUp(ref, dependencies, context);
  }
  try {
    if (!(await take(message, dataset, dependencies, context))) await cleanUp(ref, dependencies, context);
  } catch (error) {
    if (!(error instanceof DatasetFailure) && !(error instanceof FileChanged)) throw error;
    const code = error instanceof DatasetFailure ? error.code : 'loading_failed';
    const failed = await dependencies.datasets.fail(ref, { code, detail: error.message });
    if (failed) log.warn({ code, detail: error.message }, 'dataset failed');
    await cleanUp(ref, dependencies, context);
  }
}

/** @returns false when the dataset was deleted */
async function take(
  message: SplitFile,
  dataset: Dataset,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<boolean> {
  // A chunk ends with the first record that makes it as large as this.
  if (message.bytes <= dependencies.chunkBytes) {
    const outcome = await loadWhole(message, dataset, dependencies, context);
    if (outcome !== 'cut otherwise') return outcome === 'loaded';
  }
  return sendChunks(message, dataset, dependencies, context);
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
 * Removes the rows of a dataset that was deleted while its file was split: whoever deletes drops the table, but may have
 * done so before it was made here. And those of a file that turned out to be no CSV, of which chunks were loaded before.
 */
async function cleanUp(
  ref: DatasetRef,
  { datasets, files, loads }: Dependencies,
  { log }: HandlerContext,
): Promise<void> {
  const dataset = await datasets.get(ref);
  const deleted = !dataset || dataset.status === 'deleting';
  const unreadable = dataset?.status === 'failed' && dataset.failure?.code !== 'loading_failed';
  if (!deleted && !unreadable) return;
  if (!(await loads.remove(ref))) return;
  if (deleted) await files.remove(ref.id);
  log.info(deleted ? 'dataset was deleted while its file was split' : 'rows of an unreadable file removed');
}
