import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';

/** What a handler knows about its delivery. */
export interface HandlerContext {
  /** Aborts when the result is no longer wanted: the deadline passed, the lease was lost, or `stop` ran out of grace. */
  signal: AbortSignal;
  /** Counts from 1. SQS calls it approximate. */
  receiveCount: number;
  /** Whether SQS moves the message to the dead-letter queue if this delivery fails. */
  lastDelivery: boolean;
  /** When `signal` aborts at the latest, in milliseconds since the epoch. */
  deadline: number;
  /** Bound to the message's id, type and receive count. */
  log: Logger;
  messageId: string;
  /** The message attributes that are strings or numbers, such as `traceparent`. */
  attributes: Readonly<Record<string, string>>;
}

/** Options of `startConsumer`. */
export interface ConsumerOptions<Message> {
  /** A standard queue with a redrive policy. Lease length, deliveries and dead-letter queue are read from it. */
  queueUrl: string;
  /** Receives. A client of its own, as long polls would keep the other calls waiting for a socket. */
  pollClient: SQSClient;
  /** Extends, deletes, and the rest. */
  actClient: SQSClient;
  /** Reads a body, or throws `Poison`: see `messageParser`. */
  parse: (body: string) => Message;
  /** The message's type in metrics and logs. One of a few values. Default: `message`. */
  messageType?: (message: Message) => string;
  /**
   * Handles a message; returning acknowledges it. Must be idempotent, as SQS may deliver a message twice. To end it
   * otherwise, throw `RetryLater`, `Poison`, or anything else for a retry with back-off. Must settle soon after
   * `signal` aborts: its slot and its lease are held until then.
   */
  handle: (message: Message, context: HandlerContext) => Promise<void>;
  /**
   * Whether an error means that something the handler depends on is down or throttles, which is not the message's
   * fault. The handler then runs again within the same delivery until its deadline, so that an outage costs no
   * deliveries and fills no dead-letter queue. Default: never.
   */
  isUnavailable?: (error: unknown) => boolean;
  /** Called when the first message comes in (true) and when the last one is settled (false). */
  onBusyChange?: (busy: boolean) => void;
  log: Logger;
  registry: Registry;
  /** Messages handled at a time. Default: 10. */
  concurrency?: number;
  /** Receives at a time. One feeds hundreds of messages a second. Default: 1. */
  pollers?: number;
  /** Long poll, in seconds, 0 to 20. `stop` waits for a poll under way: choose 1 or 2 where that matters. Default: 20. */
  waitTimeSeconds?: number;
  /** How long a handler may run, in milliseconds. Default: 5 minutes. */
  handlerTimeoutMs?: number;
  /** A failed message comes back after a random time up to `base * 2^(receiveCount - 1)`, at most `cap`. Default: 2 s, 900 s. */
  backoffSeconds?: { base: number; cap: number };
}
