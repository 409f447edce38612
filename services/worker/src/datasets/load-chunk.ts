import type { Readable } from 'node:stream';
import { createChunkEncoder, datasetOf, FileChanged, type LoadChunk } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
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
  const { datasets, files, loads, buffers } = dependencies;
  const { log, signal } = context;
  const { chunk, delimiter, encoding, columnCount, etag } = message;
  const ref = datasetOf(message);

  const outcome = await buffers.lend(chunk.end - chunk.start, async (bytes) => {
    try {
      await fill(bytes, await files.read(ref.id, etag, chunk, signal));
    } catch (error) {
      if (error instanceof FileChanged) return error;
      throw error;
    }
    const encoder = createChunkEncoder({
      dialect: { delimiter, encoding },
      columnCount,
      firstRow: chunk.firstRow,
      firstLine: chunk.firstLine,
    });
    const encoded = {
      number: chunk.number,
      blocks: () => encoder.encode(bytes),
      result: () => encoder.result(),
    };
    return loads.load(ref.id, encoded, signal);
  });

  log.debug({ chunk: chunk.number, outcome }, 'chunk');
  if (outcome === 'gone') {
    log.info('dataset was deleted: its chunk is dropped');
    return;
  }
  // Before a change of the file fails the dataset: this chunk and all others may have been loaded by then.
  await reportProgress(ref, columnCount, dependencies, context);
  if (outcome instanceof FileChanged) {
    const failed = await datasets.fail(ref, { code: 'loading_failed', detail: outcome.message });
    if (failed) log.warn({ detail: outcome.message }, 'dataset failed');
  }
}

/** @throws when the stream has not exactly as many bytes as the buffer */
async function fill(buffer: Buffer, stream: Readable): Promise<void> {
  let filled = 0;
  for await (const part of stream) {
    const bytes = part as Buffer;
    if (filled + bytes.length > buffer.length) throw new Error('S3 sent more of the file than was asked for');
    filled += bytes.copy(buffer, filled);
  }
  if (filled < buffer.length) throw new Error(`S3 sent ${filled} of ${buffer.length} bytes of the file`);
}
