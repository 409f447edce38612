import { datasetOf, type DeleteDataset } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import type { Dependencies } from '../dependencies.ts';

/**
 * Removes a dataset: rows first, then the file, then the record, so that a crash in between leaves a record that still
 * says `deleting` and a message that goes on.
 */
export async function deleteDataset(
  message: DeleteDataset,
  { datasets, files, loads }: Dependencies,
  { log }: HandlerContext,
): Promise<void> {
  const ref = datasetOf(message);
  // The api sends first and records afterwards. Only a dataset that this tenant has is deleted.
  if (!(await datasets.startDeleting(ref))) {
    log.info('dataset is gone: nothing to delete');
    return;
  }
  await loads.remove(ref);
  await files.remove(ref.id);
  await datasets.remove(ref);
  log.info('dataset deleted');
}
