import { buffer } from 'node:stream/consumers';
import {
  createChunkEncoder,
  datasetOf,
  FileChanged,
  type LoadChunk,
  MAX_KEPT_REJECTS,
} from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../handlers.ts';
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
  const { datasets, files, loads } = dependencies;
  const { log, signal } = context;
  const { chunk, delimiter, encoding, columnCount, etag } = message;
  const ref = datasetOf(message);

  let bytes: Buffer;
  try {
    bytes = await buffer(await files.read(ref.id, etag, chunk, signal));
  } catch (error) {
    if (!(error instanceof FileChanged)) throw error;
    await datasets.fail(ref, { code: 'loading_failed', detail: error.message });
    log.warn(error.message);
    return;
  }

  const encoder = createChunkEncoder({
    dialect: { delimiter, encoding, header: false },
    columnCount,
    firstRow: chunk.firstRow,
    firstLine: chunk.firstLine,
    maxRejects: MAX_KEPT_REJECTS,
  });
  const outcome = await loads.load(
    ref.id,
    { number: chunk.number, blocks: () => encoder.encode(bytes), result: () => encoder.result() },
    signal,
  );
  log.debug({ chunk: chunk.number, outcome }, 'chunk');
  if (outcome === 'gone') {
    log.info('dataset was deleted: its chunk is dropped');
    return;
  }
  await reportProgress(ref, columnCount, dependencies, context);
}
