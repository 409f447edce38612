import { type Message as SqsMessage, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { createAcknowledger } from './acknowledger.ts';
import { fullJitter, settledWithin, sleep } from './backoff.ts';
import { createDelivery, Stopped } from './delivery.ts';
import { createLeases, type Lease } from './leases.ts';
import { createMetrics } from './metrics.ts';
import type { ConsumerOptions } from './options.ts';
import { type QueueSettings, readQueueSettings } from './queue-settings.ts';
import { createSlots } from './slots.ts';
import { BATCH_SIZE } from './sqs-calls.ts';

const RECEIVE_RETRY_BASE_MS = 200;
const RECEIVE_RETRY_CAP_MS = 10_000;
/** How much later than its wait time a long poll may answer. */
const POLL_LATENESS_MS = 10_000;
/** Three of SQS's longest long polls: well over the 40 s between two polls that fail as slowly as they can. */
const LIVENESS_MS = 60_000;
/** How long SQS gets to notice that a poll was aborted, before it could answer it with what is given back. */
const ABORTED_POLL_MS = 100;
/** What `stop` adds to its grace: for aborted handlers to settle, then for the last calls to SQS. */
const SETTLE_MS = 1_000;
const FLUSH_MS = 2_000;

/** What `stop` did with the messages at hand. */
export interface StopReport {
  /** Messages whose handlers ended by themselves, well or not. */
  finished: number;
  /** Messages given back, so that another consumer has them at once: unstarted, waiting for a dependency, or aborted. */
  returned: number;
  /** Messages whose handlers ignored their signal. SQS delivers them again when their lease runs out. */
  abandoned: number;
}

export interface Consumer extends AsyncDisposable {
  /**
   * Whether restarting the process is of no use: false when a receive has neither answered nor failed for a minute,
   * or when every slot is held by a handler a minute past its deadline. Failing receives, full slots and waiting for
   * dependencies are live: a new process would fare no better, and an outage must not restart every worker.
   */
  isLive: () => boolean;
  /**
   * Stops, and reports. Takes `graceMs` (default 25 s) and 3 s at most, and ends early when there is nothing to wait
   * for: keep the sum under the `stopTimeout` of the ECS task. Calls after the first get the first one's result.
   */
  stop(graceMs?: number): Promise<StopReport>;
}

/**
 * Starts to consume a queue. A message's life:
 *
 *                       ┌─ heartbeat: the lease is extended ─┐
 *                       │                                    │
 *   queue ─ receive ──> held <───────────────────────────────┘
 *     ^                 │
 *     │                 ├─ handler returns ──────────────────────────> delete ──> gone
 *     │                 ├─ throws Poison ───────> copy to the DLQ ───> delete ──> gone
 *     │                 ├─ throws, isUnavailable: a wait, then the handler again, still held
 *     │                 │
 *     │<─ in s seconds ─┼─ throws RetryLater(s)
 *     │<─ backed off ───┼─ throws anything else; or is unavailable still at its deadline
 *     │<─ at once ──────┼─ stop: not started, waiting for a dependency, or aborted after the grace
 *     │<─ by itself ────┴─ lease lost: handler aborted, nothing said to SQS
 *     │
 *     └─ received more than maxReceiveCount times: SQS moves it to the DLQ
 *
 * Slots, not batches: a receive asks for as many messages as there are free slots, while the other slots work.
 * A slot is held until its handler settles, whatever the handler was told; so no message waits in memory, and none
 * holds up another.
 */
export function startConsumer<Message>(options: ConsumerOptions<Message>): Consumer {
  const settings: Required<ConsumerOptions<Message>> = {
    messageType: () => 'message',
    isUnavailable: () => false,
    onBusyChange: () => {},
    concurrency: 10,
    pollers: 1,
    waitTimeSeconds: 20,
    handlerTimeoutMs: 5 * 60_000,
    backoffSeconds: { base: 2, cap: 900 },
    ...options,
  };
  const { queueUrl, pollClient, actClient, log, concurrency, pollers, waitTimeSeconds, handlerTimeoutMs } =
    settings;
  const stopping = new AbortController();
  const metrics = createMetrics(settings.registry, () => running.size);
  const leases = createLeases({
    client: actClient,
    queueUrl,
    log,
    onLost: () => metrics.lostLeases.inc(),
    onBusyChange,
  });
  const acknowledger = createAcknowledger({ client: actClient, queueUrl, leases, log, metrics });
  const deliver = createDelivery(settings, {
    leases,
    acknowledger,
    metrics,
    stopping: stopping.signal,
    pollingEnded: () => polling,
  });
  const slots = createSlots(concurrency);
  const polls = new Set<AbortController>();
  const running = new Map<Lease, Promise<void>>();
  const report: StopReport = { finished: 0, returned: 0, abandoned: 0 };
  let reading: Promise<QueueSettings> | undefined;
  let progressAt = Date.now();
  let stopped: Promise<StopReport> | undefined;

  /** Receives until the slots are closed. A failure is tried again forever, reading the queue's settings included. */
  async function poll(): Promise<void> {
    let failures = 0;
    for (;;) {
      const reserved = await slots.reserve(BATCH_SIZE);
      if (reserved === 0) return;
      let used = 0;
      try {
        const queue = await settingsOfQueue();
        if (stopping.signal.aborted) return;
        for (const message of await receive(queue, reserved)) {
          accept(message, queue);
          used++;
        }
        failures = 0;
      } catch (err) {
        if (stopping.signal.aborted) {
          await sleep(ABORTED_POLL_MS);
          return;
        }
        failures++;
        metrics.receiveErrors.inc();
        log.error({ err, failures }, 'receiving failed: trying again');
      } finally {
        slots.release(reserved - used);
        progressAt = Date.now();
      }
      if (failures > 0) {
        await sleep(fullJitter(failures, RECEIVE_RETRY_BASE_MS, RECEIVE_RETRY_CAP_MS), stopping.signal);
      }
    }
  }

  /** Reads the settings once for all pollers, or again if that failed. */
  function settingsOfQueue(): Promise<QueueSettings> {
    reading ??= readQueueSettings(actClient, queueUrl).catch((err: unknown) => {
      reading = undefined;
      throw err;
    });
    return reading;
  }

  async function receive({ leaseSeconds }: QueueSettings, max: number): Promise<SqsMessage[]> {
    const abort = new AbortController();
    const timer = setTimeout(
      () => abort.abort(new Error('SQS did not answer a receive')),
      waitTimeSeconds * 1000 + POLL_LATENESS_MS,
    );
    polls.add(abort);
    try {
      const { Messages = [] } = await pollClient.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: max,
          WaitTimeSeconds: waitTimeSeconds,
          VisibilityTimeout: leaseSeconds,
          MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: abort.signal },
      );
      return Messages;
    } finally {
      clearTimeout(timer);
      polls.delete(abort);
    }
  }

  function accept(message: SqsMessage, from: QueueSettings): void {
    const lease = leases.hold(message, from.leaseSeconds);
    const sentAt = Number(message.Attributes?.SentTimestamp ?? lease.receivedAt);
    metrics.age.observe(Math.max(0, lease.receivedAt - sentAt) / 1000);
    running.set(lease, deliverInSlot(lease, from));
  }

  async function deliverInSlot(lease: Lease, from: QueueSettings): Promise<void> {
    try {
      const outcome = await deliver(lease, from);
      if (stopping.signal.aborted) report[outcome === 'returned' ? 'returned' : 'finished']++;
    } finally {
      running.delete(lease);
      slots.release(1);
      progressAt = Date.now();
    }
  }

  /**
   * A poll under way is waited for, as aborting it could cost a message: SQS may answer a client that is gone, and
   * the message then stays invisible until the lease nobody knows of runs out (aws/aws-sdk-js#2350). It ends by itself
   * within `waitTimeSeconds`, mostly while handlers drain anyway, and is aborted only when the grace is over. Messages
   * are given back after the last poll, or that would take them again, which costs each a delivery.
   */
  async function drain(graceMs: number): Promise<StopReport> {
    log.info({ running: running.size, graceMs }, 'stopping to consume');
    stopping.abort();
    slots.close();
    await settledWithin(graceMs, [polling, ...running.values()]);
    for (const abort of polls) abort.abort(new Stopped('the consumer is stopping'));
    for (const lease of running.keys()) lease.abort.abort(new Stopped('the consumer is stopping'));
    await settledWithin(SETTLE_MS, [polling, ...running.values()]);
    await settledWithin(FLUSH_MS, [acknowledger.flush()]);
    leases.close();
    report.abandoned = running.size;
    log.info(report, 'stopped to consume');
    return report;
  }

  function onBusyChange(busy: boolean): void {
    try {
      settings.onBusyChange(busy);
    } catch (err) {
      log.error({ err, busy }, 'onBusyChange failed');
    }
  }

  function stop(graceMs = 25_000): Promise<StopReport> {
    stopped ??= drain(graceMs);
    return stopped;
  }

  log.info({ queueUrl, concurrency }, 'starting to consume');
  const polling = Promise.all(Array.from({ length: pollers }, poll));

  return {
    isLive() {
      const now = Date.now();
      if (stopping.signal.aborted) return true;
      if (running.size < concurrency) return now - progressAt < LIVENESS_MS;
      return running.keys().some((lease) => now < lease.receivedAt + handlerTimeoutMs + LIVENESS_MS);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}
