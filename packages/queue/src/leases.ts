import { ChangeMessageVisibilityBatchCommand, type Message, type SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import { BATCH_SIZE, callLimit, failuresOf, isFinal } from './sqs-calls.ts';

/** SQS keeps a message invisible for 12 hours in total, whatever it is told; less a margin to end in good order. */
const MAX_TOTAL_MS = (12 * 60 - 5) * 60_000;

/** The longest time between two looks at the leases: how late we may notice that one ran out. */
const MAX_BEAT_MS = 5_000;

/** Our hold on one received message: while it lasts, SQS gives the message to nobody else. */
export interface Lease {
  readonly message: Message;
  readonly receiptHandle: string;
  readonly receivedAt: number;
  readonly seconds: number;
  /** Aborts the message's handler. */
  readonly abort: AbortController;
  /** When SQS makes the message visible again unless we extend the lease, by our clock. */
  expiresAt: number;
  /** Somebody else may have the message by now: nothing may be acknowledged any more. */
  lost: boolean;
  /** A delete or a visibility change is under way: no extension may begin, as it could overtake it. */
  settling: boolean;
  /** The extension under way, if any. It never rejects. */
  extending: Promise<void> | undefined;
}

/** All the messages that we hold, from their receive until they are settled. */
export interface Leases {
  readonly size: number;
  hold(message: Message, seconds: number): Lease;
  /** Ends our interest in a message that is settled, or that we can do nothing more for. */
  release(lease: Lease): void;
  /** Ends the heartbeat. */
  close(): void;
}

/**
 * Holds leases and extends them with one heartbeat for all: every tenth of a lease (5 s at most) those past their
 * half, ten in a call. A failed extension is thus tried at least three more times before the lease runs out.
 *
 * A lease is lost when SQS says that the message is no longer ours, or when it ran out by our clock because no
 * extension came through. Either aborts the handler.
 */
export function createLeases(options: {
  client: SQSClient;
  queueUrl: string;
  log: Logger;
  onLost: () => void;
  onBusyChange: (busy: boolean) => void;
}): Leases {
  const { client, queueUrl, log } = options;
  const held = new Set<Lease>();
  let timer: NodeJS.Timeout | undefined;

  function beat(): void {
    const now = Date.now();
    for (const lease of held) {
      if (now >= lease.expiresAt) lose(lease, 'it ran out before an extension came through');
    }
    const due = [...held].filter(
      (lease) =>
        lease.expiresAt - now <= lease.seconds * 500 &&
        secondsLeft(lease) > 0 &&
        !lease.lost &&
        !lease.settling &&
        lease.extending === undefined,
    );
    for (let i = 0; i < due.length; i += BATCH_SIZE) {
      const batch = due.slice(i, i + BATCH_SIZE);
      const extending = extend(batch);
      for (const lease of batch) lease.extending = extending;
    }
  }

  async function extend(batch: Lease[]): Promise<void> {
    const sentAt = Date.now();
    const entries = batch.map((lease, i) => ({
      Id: String(i),
      ReceiptHandle: lease.receiptHandle,
      VisibilityTimeout: Math.min(lease.seconds, secondsLeft(lease)),
    }));
    const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: entries });
    const failures = await failuresOf(client.send(command, callLimit()), batch.length);
    for (const [i, lease] of batch.entries()) {
      lease.extending = undefined;
      const failure = failures.find(({ Id }) => Id === String(i));
      if (!failure) {
        lease.expiresAt = sentAt + (entries[i]?.VisibilityTimeout ?? 0) * 1000;
      } else if (isFinal(failure)) {
        lose(lease, failure.Message ?? failure.Code ?? 'SQS refused to extend it');
      } else {
        const { MessageId: messageId } = lease.message;
        log.warn({ err: failure.cause, failure, messageId }, 'a lease was not extended: trying again');
      }
    }
  }

  function lose(lease: Lease, reason: string): void {
    if (lease.lost) return;
    lease.lost = true;
    log.error(
      { messageId: lease.message.MessageId, reason },
      'a lease was lost: the message goes to somebody else',
    );
    options.onLost();
    lease.abort.abort(new Error(`the lease of this message was lost: ${reason}`));
  }

  return {
    get size() {
      return held.size;
    },
    hold(message, seconds) {
      const now = Date.now();
      const lease: Lease = {
        message,
        receiptHandle: message.ReceiptHandle ?? '',
        receivedAt: now,
        seconds,
        abort: new AbortController(),
        expiresAt: now + seconds * 1000,
        lost: false,
        settling: false,
        extending: undefined,
      };
      timer ??= setInterval(beat, Math.min(seconds * 100, MAX_BEAT_MS));
      held.add(lease);
      if (held.size === 1) options.onBusyChange(true);
      return lease;
    },
    release(lease) {
      if (held.delete(lease) && held.size === 0) options.onBusyChange(false);
    },
    close() {
      clearInterval(timer);
    },
  };
}

/** For how many more whole seconds SQS can keep the message invisible. */
export function secondsLeft(lease: Lease): number {
  return Math.floor((lease.receivedAt + MAX_TOTAL_MS - Date.now()) / 1000);
}
