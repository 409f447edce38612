import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import {
  type ChunkRange,
  type Dataset,
  type FileHead,
  type LoadChunk,
  type SplitFile,
  Splitter,
} from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { release } from './release.ts';
import { reportProgress } from './report-progress.ts';

/**
 * After so many bytes the rest of the process has its turn. Node by itself reads 2 MB of a file that comes fast before it
 * looks at any other socket, and the chunks that are loaded beside would wait that long for each block.
 */
const TURN_BYTES = 256 * 1024;

/**
 * Reads a file once, from end to end, and sends a message for each chunk as it is found, so that others load while this
 * goes on. Memory does not depend on the file's size. A second run finds and sends the same.
 *
 * @returns false when the dataset was deleted
 * @throws {@link DatasetFailure} and {@link FileChanged}; chunks before may have been loaded
 */
export async function sendChunks(
  message: SplitFile,
  dataset: Dataset,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<boolean> {
  const body = await dependencies.files.read(dataset.id, message.etag, undefined, context.signal);
  try {
    return await sendChunksOf(body, message, dataset, dependencies, context);
  } finally {
    // Or its connection to S3 would stay in use, when the database was out of reach for one.
    body.destroy();
  }
}

async function sendChunksOf(
  body: Readable,
  message: SplitFile,
  dataset: Dataset,
  dependencies: Dependencies,
  context: HandlerContext,
): Promise<boolean> {
  const { datasets, loads, producer } = dependencies;
  const { log, signal } = context;
  // If CHUNK_BYTES was changed since an earlier run, some of its chunks may be loaded: the file is cut as it was.
  const chunkBytes = await loads.prepare(dataset, dependencies.chunkBytes, signal);
  const splitter = new Splitter({ dialect: dataset.dialect, chunkBytes });
  let loading = false;
  let sending = Promise.resolve();

  /** Waits for the call before, not for this one: the file is read on meanwhile. @returns false when the dataset was deleted */
  async function send(chunks: ChunkRange[]): Promise<boolean> {
    const { head } = splitter;
    if (!head) throw new Error('a chunk was found before the first record');
    // Recorded before the first chunk is sent, so that progress always finds a dataset that is loading.
    loading ||= (await datasets.startLoading(dataset, head)) !== undefined;
    if (!loading) return false;
    await sending;
    sending = producer.sendAll(chunks.map((chunk) => toMessage(message, chunk, head)));
    // Thrown where it is waited for.
    sending.catch(() => undefined);
    return true;
  }

  let sinceTurn = 0;
  for await (const part of body) {
    const bytes = part as Buffer;
    splitter.push(bytes);
    sinceTurn += bytes.length;
    release(bytes);
    if (sinceTurn >= TURN_BYTES) {
      await setImmediate();
      sinceTurn = 0;
    }
    const chunks = splitter.take();
    if (chunks.length > 0 && !(await send(chunks))) return false;
  }
  const { chunks, chunksTotal, columns, records } = splitter.end();
  if (!(await send(chunks))) return false;
  await sending;
  log.info({ bytes: message.bytes, records, chunks: chunksTotal }, 'file split');
  // Only now can the dataset become ready. Whoever loaded the last chunk did not know that it was the last.
  await loads.setChunksTotal(dataset.id, chunksTotal);
  await reportProgress(dataset, columns.length, dependencies, context);
  return true;
}

function toMessage({ etag, tenant, datasetId }: SplitFile, chunk: ChunkRange, head: FileHead): LoadChunk {
  const { delimiter, encoding } = head.dialect;
  return {
    type: 'load-chunk',
    version: 1,
    tenant,
    datasetId,
    etag,
    chunk,
    delimiter,
    encoding,
    columnCount: head.columns.length,
  };
}
