import type { DatasetRef } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';

/**
 * Copies the ledger's counts to the control plane, and makes the dataset ready when every chunk is there. Counts are
 * set, never added to: whoever reports last, reports all.
 */
export async function reportProgress(
  ref: DatasetRef,
  columnCount: number,
  { datasets, loads }: Dependencies,
  { log, signal }: HandlerContext,
): Promise<void> {
  const ledger = await loads.ledger(ref.id);
  if (!ledger) return;
  const { chunksTotal, ...loaded } = ledger;
  const complete = loaded.chunksLoaded === chunksTotal;
  if (complete) await loads.finish(ref.id, columnCount, signal);
  const dataset = await datasets.recordProgress(ref, { ...loaded, complete });
  if (complete && dataset)
    log.info({ rows: loaded.rowsLoaded, rejected: loaded.rowsRejected }, 'dataset is ready');
}
