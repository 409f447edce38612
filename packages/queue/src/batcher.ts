import type { BatchResultErrorEntry } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { fullJitter, sleep } from './backoff.ts';
import type { Lease } from './leases.ts';
import { BATCH_SIZE, type BatchFailure, failuresOf, isFinal } from './sqs-calls.ts';

/** How long an entry waits for others to share its call, in milliseconds. */
const COALESCE_MS = 50;
/** With these back-offs about six seconds in all: more than SQS's usual hiccups last. */
const MAX_ATTEMPTS = 8;
const RETRY_BASE_MS = 100;
const RETRY_CAP_MS = 5_000;

/** What is to be told to SQS about one message. */
export interface Entry {
  lease: Lease;
  /** Seconds after which the message is visible again; of no meaning to a delete. */
  visibleAfter: number;
}

/** Shares calls to SQS among messages. */
export interface Batcher {
  /** Resolves when SQS was told, or when that was given up. Never rejects. */
  add(entry: Entry): Promise<void>;
  /** Sends what waits. */
  flush(): void;
}

/**
 * Sends entries ten a call, or what came within 50 ms.
 *
 * Calls about one message never overlap: a batch waits for the extensions of its leases, and none begins while it is
 * sent. What fails is tried again with back-off, and in between the heartbeat keeps the leases. Nothing is said about
 * a message whose lease was lost. Given up at last, a message is delivered again: handlers are idempotent, so that
 * costs work, not correctness.
 */
export function createBatcher(options: {
  send: (entries: Entry[]) => Promise<{ Failed?: BatchResultErrorEntry[] | undefined }>;
  onGivenUp: (messageId: string | undefined, failure: BatchFailure) => void;
  log: Logger;
}): Batcher {
  const { send, onGivenUp, log } = options;
  let waiting: Entry[] = [];
  let next = Promise.withResolvers<void>();
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    next.resolve(settle(waiting));
    waiting = [];
    next = Promise.withResolvers();
  }

  async function settle(batch: Entry[]): Promise<void> {
    let left = batch;
    for (let attempt = 1; ; attempt++) {
      for (const { lease } of left) lease.settling = true;
      for (const { lease } of left) await lease.extending;
      left = left.filter(({ lease }) => !lease.lost);
      if (left.length === 0) return;
      left = await trySend(left, attempt);
      if (left.length === 0) return;
      for (const { lease } of left) lease.settling = false;
      await sleep(fullJitter(attempt, RETRY_BASE_MS, RETRY_CAP_MS));
    }
  }

  /** Returns the entries to try again. */
  async function trySend(entries: Entry[], attempt: number): Promise<Entry[]> {
    const again: Entry[] = [];
    for (const failure of await failuresOf(send(entries), entries.length)) {
      const entry = entries[Number(failure.Id)];
      if (!entry) continue;
      const messageId = entry.lease.message.MessageId;
      if (attempt === MAX_ATTEMPTS || isFinal(failure)) {
        onGivenUp(messageId, failure);
      } else {
        log.warn(
          { err: failure.cause, failure, messageId, attempt },
          'an acknowledgement failed: trying again',
        );
        again.push(entry);
      }
    }
    return again;
  }

  return {
    add(entry) {
      waiting.push(entry);
      const settled = next.promise;
      if (waiting.length === BATCH_SIZE) flush();
      else timer ??= setTimeout(flush, COALESCE_MS);
      return settled;
    },
    flush,
  };
}
