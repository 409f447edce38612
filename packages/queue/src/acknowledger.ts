import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { type Batcher, createBatcher } from './batcher.ts';
import { type Lease, type Leases, secondsLeft } from './leases.ts';
import type { ConsumerMetrics } from './metrics.ts';
import { type BatchFailure, callLimit } from './sqs-calls.ts';

/** Messages that may await their delete while their slots already take new ones. */
const MAX_BACKLOG = 100;

/**
 * Tells SQS what became of messages, and ends their leases. Both calls resolve when the next message may come: at
 * once, unless SQS falls behind and the backlog is full.
 */
export interface Acknowledger {
  delete(lease: Lease): Promise<void>;
  /** Makes the message visible again after `seconds`. */
  makeVisible(lease: Lease, seconds: number): Promise<void>;
  /** Sends what waits, and resolves when everything is settled. */
  flush(): Promise<void>;
}

export function createAcknowledger(options: {
  client: SQSClient;
  queueUrl: string;
  leases: Leases;
  log: Logger;
  metrics: ConsumerMetrics;
}): Acknowledger {
  const { client, queueUrl, leases, log, metrics } = options;
  const backlog = new Set<Promise<void>>();

  const deletes = createBatcher({
    send: (entries) => {
      const Entries = entries.map(({ lease }, i) => ({ Id: String(i), ReceiptHandle: lease.receiptHandle }));
      return client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }), callLimit());
    },
    onGivenUp: givenUp('delete'),
    log,
  });
  const visibilityChanges = createBatcher({
    send: (entries) => {
      const Entries = entries.map(({ lease, visibleAfter }, i) => ({
        Id: String(i),
        ReceiptHandle: lease.receiptHandle,
        VisibilityTimeout: Math.max(0, Math.min(Math.round(visibleAfter), secondsLeft(lease))),
      }));
      return client.send(
        new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }),
        callLimit(),
      );
    },
    onGivenUp: givenUp('visibility'),
    log,
  });

  function givenUp(call: 'delete' | 'visibility') {
    return (messageId: string | undefined, failure: BatchFailure): void => {
      metrics.acknowledgeFailures.inc({ call });
      log.error(
        { err: failure.cause, failure, call, messageId },
        'a message was not acknowledged: SQS will deliver it again',
      );
    };
  }

  async function add(batcher: Batcher, lease: Lease, visibleAfter: number): Promise<void> {
    const settled = settle(batcher, lease, visibleAfter).finally(() => backlog.delete(settled));
    backlog.add(settled);
    // No handler is running, so nobody else will share the call.
    if (backlog.size === leases.size) flush();
    if (backlog.size >= MAX_BACKLOG) await settled;
  }

  async function settle(batcher: Batcher, lease: Lease, visibleAfter: number): Promise<void> {
    await batcher.add({ lease, visibleAfter });
    leases.release(lease);
  }

  function flush(): void {
    deletes.flush();
    visibilityChanges.flush();
  }

  return {
    delete: (lease) => add(deletes, lease, 0),
    makeVisible: (lease, seconds) => add(visibilityChanges, lease, seconds),
    async flush() {
      flush();
      await Promise.all(backlog);
    },
  };
}
