import { expect, test, vi } from 'vitest';
import { sleep } from '../src/backoff.ts';
import { consume, MINUTE, stop, useFakeClock } from './fake-clock.ts';
import { type Fault, FakeSqs } from './fake-sqs.ts';
import { metric } from './support.ts';

// What takes minutes or hours, on a fake clock against SQS in memory.

useFakeClock();

const never = new Promise<void>(() => {});

test('back-off grows with the receive count, with full jitter up to its cap', async () => {
  const sqs = new FakeSqs({ maxReceiveCount: 4 });
  sqs.add('hello');
  const consumer = consume(sqs, {
    backoffSeconds: { base: 20, cap: 60 },
    handle: () => Promise.reject(new Error('no')),
  });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  // Half of 20, of 40, and of the cap instead of 80; then within a second, as the last delivery is over.
  expect(sqs.visibilities).toEqual([10, 20, 30, 1]);
  expect(sqs.deadLetters).toEqual(['hello']);
  await stop(consumer);
});

test('failing receives back off to a cap of 10 s, go on forever, and recover', async () => {
  const sqs = new FakeSqs();
  const failedAt: number[] = [];
  sqs.fault = (command) => {
    if (command !== 'ReceiveMessage' || failedAt.length === 200) return 'none';
    failedAt.push(Date.now());
    return 'request lost';
  };
  const handled: string[] = [];
  const consumer = consume(sqs, {
    handle: async (body) => {
      handled.push(body);
    },
  });
  sqs.add('hello');
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  const waits = failedAt.slice(1).map((at, i) => at - (failedAt[i] ?? 0) - 5);
  // Half of 200 ms, doubled each time, up to half of 10 s.
  expect(waits.slice(0, 9)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  expect(consumer.isLive()).toBe(true);
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  expect(handled).toEqual(['hello']);
  await stop(consumer);
});

test('a consumer whose receives fail or find nothing is live, and one whose receive hangs is not', async () => {
  const sqs = new FakeSqs();
  const consumer = consume(sqs, { handle: async () => {} });
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  expect(consumer.isLive()).toBe(true);
  // A client that heeds neither its socket nor its signal.
  sqs.latencyMs = () => 24 * 60 * MINUTE;
  await vi.advanceTimersByTimeAsync(30_000);
  expect(consumer.isLive()).toBe(true);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(consumer.isLive()).toBe(false);
  await stop(consumer);
});

test('a receive that SQS does not answer is given up, and polling goes on', async () => {
  const sqs = new FakeSqs();
  let hung = 0;
  const send = sqs.client.send.bind(sqs.client) as (...args: unknown[]) => Promise<unknown>;
  const pollClient = {
    send: (command: unknown, options: { abortSignal: AbortSignal }) => {
      if (++hung > 1) return send(command, options);
      return new Promise((_resolve, reject) => {
        options.abortSignal.addEventListener('abort', () => reject(options.abortSignal.reason as Error));
      });
    },
  };
  const handled: string[] = [];
  sqs.add('hello');
  const consumer = consume(sqs, {
    pollClient: pollClient as never,
    handle: async (body) => {
      handled.push(body);
    },
  });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(handled).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(handled).toEqual(['hello']);
  expect(consumer.isLive()).toBe(true);
  await stop(consumer);
});

test('full slots are live until every handler has ignored its deadline for a minute', async () => {
  const sqs = new FakeSqs();
  sqs.add('1', '2');
  const consumer = consume(sqs, { concurrency: 2, handlerTimeoutMs: 10 * MINUTE, handle: () => never });
  await vi.advanceTimersByTimeAsync(10.9 * MINUTE);
  expect(consumer.isLive()).toBe(true);
  await vi.advanceTimersByTimeAsync(0.2 * MINUTE);
  expect(consumer.isLive()).toBe(false);
  expect(await stop(consumer)).toEqual({ finished: 0, returned: 0, abandoned: 2 });
});

test('a consumer is live when its first slot comes free after a long time of full ones', async () => {
  const sqs = new FakeSqs();
  sqs.add('1');
  const done = Promise.withResolvers<void>();
  const consumer = consume(sqs, { concurrency: 1, handle: () => done.promise });
  await vi.advanceTimersByTimeAsync(4 * MINUTE);
  expect(consumer.isLive()).toBe(true);
  done.resolve();
  await vi.advanceTimersByTimeAsync(100);
  expect(consumer.isLive()).toBe(true);
  await stop(consumer);
});

test('a handler past its deadline is told so, and keeps its slot and its message until it settles', async () => {
  const sqs = new FakeSqs();
  sqs.add('hello');
  const cleanedUp = Promise.withResolvers<void>();
  const seen: { receiveCount: number; deadlineIn: number }[] = [];
  let reason: unknown;
  const consumer = consume(sqs, {
    concurrency: 1,
    handlerTimeoutMs: 60_000,
    handle: async (_body, { signal, deadline, receiveCount }) => {
      seen.push({ receiveCount, deadlineIn: deadline - Date.now() });
      if (receiveCount > 1) return;
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      await cleanedUp.promise;
      throw new Error('cleaned up');
    },
  });
  await vi.advanceTimersByTimeAsync(59_000);
  expect(reason).toBeUndefined();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(reason).toEqual(new Error('the handler did not finish within 60000 ms'));
  // Longer than the lease: it is extended although the deadline is over, and the slot takes nothing else.
  const receives = sqs.receives.length;
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(seen).toEqual([{ receiveCount: 1, deadlineIn: 60_000 }]);
  expect(sqs.receives.length).toBe(receives);
  cleanedUp.resolve();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(seen).toHaveLength(2);
  expect(sqs.deleted).toEqual(['hello']);
  await stop(consumer);
});

test('a dependency is tried again with back-off up to 5 s, and the lease is kept, until the deadline', async () => {
  const sqs = new FakeSqs();
  sqs.add('hello');
  const triedAt: number[] = [];
  const counts = new Set<number>();
  let triedTooLate = 0;
  const consumer = consume(sqs, {
    isUnavailable: () => true,
    handlerTimeoutMs: 10 * MINUTE,
    handle: async (_body, { receiveCount, signal }) => {
      if (signal.aborted) triedTooLate++;
      counts.add(receiveCount);
      triedAt.push(Date.now());
      throw new Error('down');
    },
  });
  await vi.advanceTimersByTimeAsync(9.9 * MINUTE);
  const waits = triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? 0));
  expect(waits.slice(0, 7)).toEqual([100, 200, 400, 800, 1_600, 2_500, 2_500]);
  expect(counts).toEqual(new Set([1]));
  await vi.advanceTimersByTimeAsync(0.2 * MINUTE);
  expect(counts).toEqual(new Set([1, 2]));
  expect(triedTooLate).toBe(0);
  await stop(consumer);
});

test('a lease is not extended beyond the 12 hours of SQS, and its handler is aborted then', async () => {
  const sqs = new FakeSqs({ leaseSeconds: 3_600 });
  sqs.add('hello');
  let abortedAfter = 0;
  const consumer = consume(sqs, {
    concurrency: 1,
    handlerTimeoutMs: 48 * 60 * MINUTE,
    handle: async (_body, { signal }) => {
      const startedAt = Date.now();
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      abortedAfter = Date.now() - startedAt;
    },
  });
  await vi.advanceTimersByTimeAsync(12.5 * 60 * MINUTE);
  expect(abortedAfter).toBeGreaterThan(11.5 * 60 * MINUTE);
  expect(abortedAfter).toBeLessThan(12 * 60 * MINUTE);
  expect(await metric(consumer.registry, 'queue_lost_leases_total')).toBe(1);
  expect(sqs.deleted).toEqual([]);
  await stop(consumer);
});

test('leases are extended together, ten a call, once past their half', async () => {
  const sqs = new FakeSqs();
  sqs.add(...Array.from({ length: 12 }, (_item, i) => String(i)));
  const consumer = consume(sqs, { concurrency: 12, handle: (_body, { signal }) => sleep(MINUTE, signal) });
  await vi.advanceTimersByTimeAsync(14_000);
  expect(sqs.batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(5_000);
  const command = 'ChangeMessageVisibilityBatch';
  expect(sqs.batches).toEqual([10, 2].map((size) => ({ command, size })));
  expect(new Set(sqs.visibilities)).toEqual(new Set([30]));
  await stop(consumer);
});

test('heartbeats that fail are tried again, and the lease is kept', async () => {
  const sqs = new FakeSqs();
  sqs.add('1', '2', '3');
  const faults: Fault[] = ['request lost', 'entries fail'];
  sqs.fault = (command) => (command === 'ChangeMessageVisibilityBatch' ? (faults.shift() ?? 'none') : 'none');
  const handled: string[] = [];
  const consumer = consume(sqs, {
    handle: async (body, { signal, receiveCount }) => {
      await sleep(2 * MINUTE, signal);
      if (!signal.aborted) handled.push(`${body}, delivery ${receiveCount}`);
    },
  });
  await vi.advanceTimersByTimeAsync(3 * MINUTE);
  expect(faults).toEqual([]);
  expect(handled).toEqual(['1, delivery 1', '2, delivery 1', '3, delivery 1']);
  expect(sqs.deleted).toEqual(['1', '2', '3']);
  expect(await metric(consumer.registry, 'queue_lost_leases_total')).toBe(0);
  await stop(consumer);
});

test('a lease that runs out because no heartbeat gets through aborts its handler, and nothing is acknowledged', async () => {
  const sqs = new FakeSqs();
  sqs.add('hello');
  let tries = 0;
  sqs.fault = (command) => {
    if (command !== 'ChangeMessageVisibilityBatch') return 'none';
    tries++;
    return 'request lost';
  };
  let abortedAfter = 0;
  const consumer = consume(sqs, {
    concurrency: 1,
    handle: async (_body, { signal, receiveCount }) => {
      if (receiveCount > 1) return never;
      const startedAt = Date.now();
      await sleep(MINUTE, signal);
      abortedAfter = Date.now() - startedAt;
    },
  });
  await vi.advanceTimersByTimeAsync(40_000);
  // The lease is 30 s, and looked at every 3 s; the first half of it needs no extension.
  expect(abortedAfter).toBe(30_000);
  expect(tries).toBe(5);
  expect(sqs.deleted).toEqual([]);
  expect(await metric(consumer.registry, 'queue_lost_leases_total')).toBe(1);
  await stop(consumer);
});

test('who has lost a message to another says nothing more about it, and keeps the others', async () => {
  const sqs = new FakeSqs();
  sqs.duplicateNext = true;
  sqs.add('lost', 'kept');
  const ended: string[] = [];
  const consumer = consume(sqs, {
    handle: async (body, { signal, receiveCount }) => {
      await sleep(MINUTE, signal);
      ended.push(`${body} ${receiveCount} ${signal.aborted ? 'aborted' : 'done'}`);
      if (signal.aborted) throw new Error('this must not make it visible to a third');
    },
  });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(ended).toEqual(['lost 1 aborted']);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(ended).toEqual(['lost 1 aborted', 'kept 1 done', 'lost 2 done']);
  expect(sqs.deleted).toEqual(['kept', 'lost']);
  // Extensions and nothing else.
  expect(new Set(sqs.visibilities)).toEqual(new Set([30]));
  await stop(consumer);
});

test('a lease is not extended again while an extension takes its time', async () => {
  const sqs = new FakeSqs();
  sqs.add('hello');
  const consumer = consume(sqs, { handle: (_body, { signal }) => sleep(MINUTE, signal) });
  await vi.advanceTimersByTimeAsync(10_000);
  // The leases are looked at every 3 s.
  sqs.latencyMs = () => 4_000;
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(sqs.visibilities.length).toBeGreaterThan(1);
  expect(sqs.violations).toEqual([]);
  expect(sqs.deleted).toEqual(['hello']);
  await stop(consumer);
});

test('a delete that fails is tried again while the heartbeat keeps the message', async () => {
  const sqs = new FakeSqs({ leaseSeconds: 2 });
  sqs.add('hello');
  let deletes = 0;
  sqs.fault = (command) => (command === 'DeleteMessageBatch' && ++deletes <= 7 ? 'request lost' : 'none');
  let deliveries = 0;
  const consumer = consume(sqs, {
    handle: async () => {
      deliveries++;
    },
  });
  await vi.advanceTimersByTimeAsync(MINUTE);
  // 50 + 100 + ... + 2,500 ms of back-off: more than two leases.
  expect(sqs.deleted).toEqual(['hello']);
  expect(deliveries).toBe(1);
  expect(sqs.visibilities.length).toBeGreaterThan(2);
  expect(sqs.violations).toEqual([]);
  await stop(consumer);
});

test('a delete that keeps failing is given up, counted, and the message delivered again', async () => {
  const sqs = new FakeSqs({ maxReceiveCount: 10 });
  sqs.add('hello');
  let deletes = 0;
  sqs.fault = (command) => (command === 'DeleteMessageBatch' && ++deletes <= 8 ? 'request lost' : 'none');
  let deliveries = 0;
  const consumer = consume(sqs, {
    handle: async () => {
      deliveries++;
    },
  });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(await metric(consumer.registry, 'queue_acknowledge_failures_total', { call: 'delete' })).toBe(1);
  expect(deliveries).toBe(2);
  expect(sqs.deleted).toEqual(['hello']);
  await stop(consumer);
});

test('a delete is not tried again once the lease of its message is lost', async () => {
  const sqs = new FakeSqs({ leaseSeconds: 2, maxReceiveCount: 10 });
  sqs.add('hello');
  let deletes = 0;
  const startedAt = Date.now();
  sqs.fault = (command) => {
    if (command === 'DeleteMessageBatch') deletes++;
    const down =
      command !== 'ReceiveMessage' && Date.now() - startedAt > 100 && Date.now() - startedAt < 3_000;
    return down ? 'request lost' : 'none';
  };
  let deliveries = 0;
  const consumer = consume(sqs, {
    handle: async () => {
      // Keeps the second delivery's delete out of the way.
      await sleep(++deliveries === 1 ? 200 : 10_000);
    },
  });
  // Tries after 0, 50, 150, 350, 750 and 1,550 ms; the lease ends before that of 3,150 ms.
  await vi.advanceTimersByTimeAsync(8_000);
  expect(deliveries).toBe(2);
  expect(deletes).toBe(6);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(sqs.deleted).toEqual(['hello']);
  await stop(consumer);
});

test('stop ends within its grace and 3 s although handlers hang and SQS answers nothing', async () => {
  const sqs = new FakeSqs();
  sqs.add('quick', 'hung', 'heeding');
  const consumer = consume(sqs, {
    handle: async (body, { signal }) => {
      if (body === 'hung') return never;
      await sleep(body === 'quick' ? 500 : MINUTE, signal);
    },
  });
  await vi.advanceTimersByTimeAsync(400);
  sqs.latencyMs = () => 60 * MINUTE;
  const stoppedAt = Date.now();
  const took = consumer.stop(10_000).then((report) => ({ report, ms: Date.now() - stoppedAt }));
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(await took).toEqual({ report: { finished: 2, returned: 0, abandoned: 1 }, ms: 13_000 });
});

test('no poll begins when stop comes while the settings of the queue are read', async () => {
  const sqs = new FakeSqs();
  const consumer = consume(sqs, { handle: async () => {} });
  await vi.advanceTimersByTimeAsync(1);
  expect(await stop(consumer)).toEqual({ finished: 0, returned: 0, abandoned: 0 });
  expect(sqs.receives).toEqual([]);
});

test('slots stop taking messages when deletes pile up', async () => {
  const sqs = new FakeSqs({ maxReceiveCount: 100 });
  sqs.add(...Array.from({ length: 500 }, (_item, i) => String(i)));
  sqs.fault = (command) => (command === 'DeleteMessageBatch' ? 'request lost' : 'none');
  let handled = 0;
  const consumer = consume(sqs, {
    concurrency: 10,
    handle: async () => {
      handled++;
      await sleep(1);
    },
  });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(handled).toBeGreaterThan(90);
  expect(handled).toBeLessThanOrEqual(110);
  sqs.fault = () => 'none';
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(sqs.depth).toBe(0);
  await stop(consumer);
});
