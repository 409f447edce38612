import { type Dataset, type SplitFile, Splitter } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';
import { readExactly } from './read-exactly.ts';

/**
 * Loads a file of one chunk at once: nobody could help with it, and a message of its own would cost more than its rows.
 *
 * @returns `cut otherwise`, having loaded nothing, when an earlier run has cut the file into smaller chunks
 * @throws {@link DatasetFailure} and {@link FileChanged}, having loaded nothing
 */
export async function loadWhole(
  message: SplitFile,
  dataset: Dataset,
  { datasets, files, loads, buffers, encoder, chunkBytes }: Dependencies,
  { log, signal }: HandlerContext,
): Promise<'loaded' | 'gone' | 'cut otherwise'> {
  const { head, cutBy } = await buffers.lend(message.bytes, async (bytes) => {
    await readExactly(await files.read(dataset.id, message.etag, undefined, signal), bytes);
    const splitter = new Splitter({ dialect: dataset.dialect, chunkBytes });
    splitter.push(bytes);
    const { chunks, dialect, columns } = splitter.end();
    const [range] = chunks;
    const columnCount = columns.length;
    const chunk =
      range && encoder.encode(bytes.subarray(range.start, range.end), range, dialect, columnCount);
    const file = { chunkBytes, columnCount, chunk };
    return { head: { dialect, columns }, cutBy: await loads.loadWhole(dataset, file, signal) };
  });
  if (cutBy !== chunkBytes) return 'cut otherwise';

  // From the ledger, since an earlier run may have loaded it.
  const ledger = await loads.ledger(dataset.id);
  if (!ledger) return 'gone';
  const { finished: _, ...progress } = ledger;
  if (!(await datasets.recordLoaded(dataset, head, progress))) return 'gone';
  log.info({ rows: progress.rowsLoaded, rejected: progress.rowsRejected }, 'dataset is ready');
  return 'loaded';
}
