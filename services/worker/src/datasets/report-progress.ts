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
  const { finished, ...progress } = ledger;
  const complete = progress.chunksLoaded === progress.chunksTotal;
  if (complete && !finished) await loads.finish(ref.id, columnCount, signal);
  const dataset = await datasets.recordProgress(ref, progress, complete);
  if (complete && dataset)
    log.info({ rows: progress.rowsLoaded, rejected: progress.rowsRejected }, 'dataset is ready');
}
