import { datasetOf, FileChanged, type LoadChunk } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { readExactly } from './read-exactly.ts';
import { reportProgress } from './report-progress.ts';

/**
 * Loads one chunk: its bytes from S3, its rows, rejects and ledger entry in one transaction. However often it runs,
 * each row is there once. Progress is reported even when the chunk was there already, since the run that loaded it may
 * have ended before it reported.
 */
export async function loadChunk(
  message: LoadChunk,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<void> {
  const { datasets, files, loads, buffers, encoder } = dependencies;
  const { log, signal } = context;
  const { chunk, columnCount, etag } = message;
  const ref = datasetOf(message);

  const outcome = await buffers.lend(chunk.end - chunk.start, async (bytes) => {
    try {
      await readExactly(await files.read(ref.id, etag, chunk, signal), bytes);
    } catch (error) {
      if (error instanceof FileChanged) return error;
      throw error;
    }
    return loads.load(ref.id, encoder.encode(bytes, chunk, message, columnCount), signal);
  });

  log.debug({ chunk: chunk.number, outcome }, 'chunk');
  if (outcome === 'gone') {
    log.info('dataset was deleted, or its file is no CSV: its chunk is dropped');
    return;
  }
  // Before a change of the file fails the dataset: this chunk and all others may have been loaded by then.
  await reportProgress(ref, columnCount, dependencies, context);
  if (outcome instanceof FileChanged) {
    const failed = await datasets.fail(ref, { code: 'loading_failed', detail: outcome.message });
    if (failed) log.warn({ detail: outcome.message }, 'dataset failed');
  }
}
