import { datasetOf, type Message } from '@stowage/datasets';
import type { HandlerContext } from '@stowage/queue';
import { deleteDataset } from './datasets/delete-dataset.ts';
import { loadChunk } from './datasets/load-chunk.ts';
import { splitFile } from './datasets/split-file.ts';
import type { Dependencies } from './dependencies.ts';

/**
 * Message type → handler. Every handler may run any number of times, for the same message, at the same time: SQS
 * delivers at least once, and the consumer runs a handler again when a dependency was out of reach.
 */
export function createHandler(dependencies: Dependencies) {
  return async (message: Message, context: HandlerContext): Promise<void> => {
    const log = context.log.child({ datasetId: message.datasetId });
    const withLog = { ...context, log };
    switch (message.type) {
      case 'split-file':
        return orFailDataset(message, withLog, () => splitFile(message, dependencies, withLog));
      case 'load-chunk':
        return orFailDataset(message, withLog, () => loadChunk(message, dependencies, withLog));
      case 'delete-dataset':
        return deleteDataset(message, dependencies, withLog);
    }
  };

  /**
   * A message that fails on its last delivery goes to the dead-letter queue, so its dataset cannot become ready by
   * itself. A redrive after the cause is mended heals both.
   */
  async function orFailDataset(
    message: Message,
    context: HandlerContext,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (context.lastDelivery) {
        const detail = `${message.type} failed ${context.receiveCount} times, at last with: ${(error as Error).message}`;
        await dependencies.datasets.fail(datasetOf(message), {
          code: 'loading_failed',
          detail: detail.slice(0, 500),
        });
      }
      throw error;
    }
  }
}
