import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import type { Logger } from 'pino';
import type { Acknowledger } from './acknowledger.ts';
import { fullJitter, sleep } from './backoff.ts';
import { sendToDeadLetters } from './dead-letters.ts';
import type { Lease, Leases } from './leases.ts';
import type { ConsumerMetrics, OutcomeName } from './metrics.ts';
import type { ConsumerOptions, HandlerContext } from './options.ts';
import { Poison, RetryLater } from './outcomes.ts';
import type { QueueSettings } from './queue-settings.ts';

const UNAVAILABLE_BASE_MS = 200;
const UNAVAILABLE_CAP_MS = 5_000;

const LOG_LEVELS = {
  done: 'info',
  retry_later: 'info',
  returned: 'info',
  lost: 'warn',
  failed: 'warn',
  poison: 'error',
} as const;

type Ending =
  | { outcome: 'done' | 'lost' | 'returned' | 'failed'; error?: unknown }
  | { outcome: 'retry_later'; error: RetryLater }
  | { outcome: 'poison'; error: Poison };

/** Why `stop` aborts the handlers that still run when its grace is over. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Takes leased messages through their handler, and settles them by how it ended. */
export function createDelivery<Message>(
  options: Required<ConsumerOptions<Message>>,
  parts: {
    leases: Leases;
    acknowledger: Acknowledger;
    metrics: ConsumerMetrics;
    stopping: AbortSignal;
    /** Resolves when nothing is being received any more. */
    pollingEnded: () => Promise<unknown>;
  },
) {
  const { parse, messageType, handle, isUnavailable, handlerTimeoutMs, backoffSeconds } = options;
  const { leases, acknowledger, metrics, stopping, pollingEnded } = parts;

  /** Never rejects. */
  return async function deliver(lease: Lease, queue: QueueSettings): Promise<OutcomeName> {
    const { message } = lease;
    const messageId = message.MessageId ?? '';
    const receiveCount = Number(message.Attributes?.ApproximateReceiveCount ?? 1);
    const lastDelivery = receiveCount >= queue.maxReceiveCount;
    let type = 'unknown';
    let ending: Ending = { outcome: 'done' };
    let child: Logger | undefined;
    // Made when it is asked for: where nothing is logged, it would take a twentieth of what a message costs.
    const log = () => (child ??= options.log.child({ messageId, receiveCount, type }));

    const started = performance.now();
    const timer = setTimeout(() => {
      lease.abort.abort(new Error(`the handler did not finish within ${handlerTimeoutMs} ms`));
    }, handlerTimeoutMs);
    try {
      if (stopping.aborted) throw new Stopped('the consumer is stopping');
      const parsed = parse(message.Body ?? '');
      type = messageType(parsed);
      await handleWhenAvailable(parsed, {
        signal: lease.abort.signal,
        receiveCount,
        lastDelivery,
        deadline: lease.receivedAt + handlerTimeoutMs,
        get log() {
          return log();
        },
        messageId,
        attributes: textAttributes(message),
      });
    } catch (error) {
      ending = endingOf(error, lease.abort.signal);
    }
    clearTimeout(timer);
    const seconds = (performance.now() - started) / 1000;

    if (lease.lost) ending = { ...ending, outcome: 'lost' };
    if (ending.outcome === 'poison') ending = await copyToDeadLetters(ending, message, queue);
    const { outcome, error } = ending;
    metrics.duration.observe({ type, outcome }, seconds);
    metrics.outcomes.inc({ type, outcome });
    const level = outcome === 'failed' && lastDelivery ? 'error' : LOG_LEVELS[outcome];
    if (options.log.isLevelEnabled(level))
      log()[level]({ outcome, seconds, lastDelivery, err: error }, 'delivery ended');

    if (outcome === 'returned') await pollingEnded();
    if (outcome === 'lost') leases.release(lease);
    else if (outcome === 'done' || outcome === 'poison') await acknowledger.delete(lease);
    else await acknowledger.makeVisible(lease, redeliveryDelay(ending, receiveCount, lastDelivery));
    return outcome;
  };

  /**
   * An outage is not the message's fault, and must not use up its deliveries. So the message is kept, and its handler
   * run again, until what it needs is back or the deadline has passed. Meanwhile its slot is held: polling pauses by
   * itself once every slot waits.
   */
  async function handleWhenAvailable(message: Message, context: HandlerContext): Promise<void> {
    const { signal } = context;
    for (let attempt = 1; ; attempt++) {
      try {
        return await handle(message, context);
      } catch (error) {
        if (!isUnavailable(error) || signal.aborted || stopping.aborted) throw error;
        context.log.warn({ err: error, attempt }, 'a dependency is unavailable: the handler will run again');
        await sleep(fullJitter(attempt, UNAVAILABLE_BASE_MS, UNAVAILABLE_CAP_MS), signal, stopping);
        if (signal.aborted || stopping.aborted) throw error;
      }
    }
  }

  function endingOf(error: unknown, signal: AbortSignal): Ending {
    if (error instanceof Poison) return { outcome: 'poison', error };
    if (error instanceof RetryLater) return { outcome: 'retry_later', error };
    const cutShort =
      error instanceof Stopped ||
      signal.reason instanceof Stopped ||
      (stopping.aborted && isUnavailable(error));
    return { outcome: cutShort ? 'returned' : 'failed', error };
  }

  /** If the copy cannot be sent, the message keeps its place in the queue, and redrive remains its backstop. */
  async function copyToDeadLetters(
    ending: Ending & { outcome: 'poison' },
    message: SqsMessage,
    queue: QueueSettings,
  ): Promise<Ending> {
    try {
      await sendToDeadLetters(options.actClient, queue.deadLetterUrl, message, ending.error.message);
      return ending;
    } catch (error) {
      return {
        outcome: 'failed',
        error: new Error('poison could not be sent to the dead-letter queue', { cause: error }),
      };
    }
  }

  function redeliveryDelay(ending: Ending, receiveCount: number, lastDelivery: boolean): number {
    if (ending.outcome === 'returned') return 0;
    // The next receive moves the message to the dead-letter queue: nothing is gained by putting that off.
    if (lastDelivery) return Math.random();
    if (ending.outcome === 'retry_later') return ending.error.seconds;
    return fullJitter(receiveCount, backoffSeconds.base, backoffSeconds.cap);
  }
}

function textAttributes({ MessageAttributes = {} }: SqsMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(MessageAttributes).flatMap(([name, { StringValue }]) =>
      StringValue === undefined ? [] : [[name, StringValue]],
    ),
  );
}
