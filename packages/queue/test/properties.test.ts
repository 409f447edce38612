import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { sleep } from '../src/backoff.ts';
import { Poison, RetryLater } from '../src/index.ts';
import { consume, useFakeClock } from './fake-clock.ts';
import { FakeSqs, type Fault } from './fake-sqs.ts';
import { metric } from './support.ts';

useFakeClock();

class Down extends Error {}

/** Longer than any back-off of these tests, so that a visibility change of this length is an extension. */
const LEASE_SECONDS = 5;

const ENDINGS = ['return', 'return', 'return', 'throw', 'poison', 'later', 'down', 'hang', 'ignore'] as const;

const scenario = fc.record({
  concurrency: fc.integer({ min: 1, max: 12 }),
  pollers: fc.integer({ min: 1, max: 3 }),
  /** What each delivery of a message does in turn; the last one repeats. */
  messages: fc.array(
    fc.array(fc.record({ ms: fc.integer({ min: 0, max: 8_000 }), ending: fc.constantFrom(...ENDINGS) }), {
      minLength: 1,
      maxLength: 3,
    }),
    { minLength: 1, maxLength: 40 },
  ),
  faultsIn100: fc.integer({ min: 0, max: 40 }),
  seed: fc.integer(),
});

test('whatever handlers and SQS do: no slot leaks, nothing is acknowledged early, no message is lost', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ concurrency, pollers, messages, faultsIn100, seed }) => {
      const random = mulberry32(seed);
      vi.spyOn(Math, 'random').mockImplementation(random);
      const sqs = new FakeSqs({ leaseSeconds: LEASE_SECONDS, maxReceiveCount: 4 });
      const faults: Fault[] = ['request lost', 'answer lost', 'entries fail'];
      sqs.latencyMs = () => random() * 50;
      sqs.fault = () =>
        random() * 100 < faultsIn100 ? (faults[Math.floor(random() * 3)] ?? 'none') : 'none';

      const returned = new Set<string>();
      const poisoned = new Set<string>();
      const deliveries = new Map<string, number>();
      const errors: string[] = [];
      const allIn = Promise.withResolvers<void>();
      let running = 0;
      const inHandlers = new Set<string>();

      const consumer = consume(sqs, {
        concurrency,
        pollers,
        handlerTimeoutMs: 12_000,
        backoffSeconds: { base: 1, cap: 4 },
        isUnavailable: (error) => error instanceof Down,
        handle: async (body, { signal, messageId, receiveCount }) => {
          const delivery = `${messageId} ${receiveCount}`;
          running++;
          inHandlers.add(delivery);
          if (running > concurrency) errors.push(`${running} handlers in ${concurrency} slots`);
          try {
            await run(body, signal);
          } finally {
            running--;
            inHandlers.delete(delivery);
          }
        },
      });
      sqs.onTold = ({ id, receiveCount, visibleIn }) => {
        const extension = visibleIn === LEASE_SECONDS;
        if (inHandlers.has(`${id} ${receiveCount}`) && !extension) errors.push(`${visibleIn} while handled`);
      };

      async function run(body: string, signal: AbortSignal): Promise<void> {
        if (body === 'at last') return allIn.promise;
        const plan = messages[Number(body)] ?? [];
        const delivery = deliveries.get(body) ?? 0;
        deliveries.set(body, delivery + 1);
        const step = plan[Math.min(delivery, plan.length - 1)] ?? { ms: 0, ending: 'return' };
        await sleep(step.ms);
        switch (step.ending) {
          case 'return':
            returned.add(body);
            return;
          case 'poison':
            poisoned.add(body);
            throw new Poison('poison');
          case 'later':
            throw new RetryLater(2);
          case 'down':
            throw new Down('down');
          case 'hang':
            await sleep(60_000, signal);
            throw new Error('aborted');
          case 'ignore':
            await sleep(15_000);
            throw new Error('too late');
          case 'throw':
            throw new Error('failed');
        }
      }

      sqs.add(...messages.map((_plan, i) => String(i)));
      for (let seconds = 0; sqs.depth > 0 && seconds < 3_600; seconds++)
        await vi.advanceTimersByTimeAsync(1_000);
      expect(sqs.depth).toBe(0);
      expect(sqs.violations).toEqual([]);
      expect(errors).toEqual([]);
      for (const body of sqs.deleted) {
        const buried = poisoned.has(body) && sqs.deadLetters.includes(body);
        expect(returned.has(body) || buried).toBe(true);
      }
      const ends = new Set([...sqs.deleted, ...sqs.deadLetters]);
      expect(ends.size).toBe(messages.length);

      // Every slot still works: as many messages as there are slots are handled at a time.
      sqs.fault = () => 'none';
      await vi.advanceTimersByTimeAsync(60_000);
      expect(running).toBe(0);
      sqs.add(...Array.from({ length: concurrency + 1 }, () => 'at last'));
      await vi.advanceTimersByTimeAsync(30_000);
      expect(running).toBe(concurrency);
      expect(await metric(consumer.registry, 'queue_messages_in_flight')).toBe(concurrency);
      allIn.resolve();
      await vi.advanceTimersByTimeAsync(5_000);
      expect(sqs.depth).toBe(0);

      const report = consumer.stop(30_000);
      await vi.advanceTimersByTimeAsync(35_000);
      expect(await report).toEqual({ finished: 0, returned: 0, abandoned: 0 });
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: Number(process.env['QUEUE_PROPERTY_RUNS'] ?? 60) },
  );
});

test('whenever it comes, stop ends in time and accounts for every message', async () => {
  await fc.assert(
    fc.asyncProperty(
      scenario,
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: 0, max: 10_000 }),
      async ({ concurrency, pollers, messages, faultsIn100, seed }, stopAfterMs, graceMs) => {
        const random = mulberry32(seed);
        vi.spyOn(Math, 'random').mockImplementation(random);
        const sqs = new FakeSqs({ leaseSeconds: LEASE_SECONDS, maxReceiveCount: 4 });
        sqs.latencyMs = () => random() * 50;
        sqs.fault = () => (random() * 100 < faultsIn100 ? 'request lost' : 'none');
        let running = 0;
        let stopped = false;
        const startedLate: string[] = [];
        const consumer = consume(sqs, {
          concurrency,
          pollers,
          isUnavailable: (error) => error instanceof Down,
          handle: async (body, { signal }) => {
            if (stopped) startedLate.push(body);
            running++;
            const { ms = 0, ending = 'return' } = messages[Number(body)]?.[0] ?? {};
            await sleep(ms, ...(ending === 'ignore' ? [] : [signal]));
            running--;
            if (ending === 'down') throw new Down();
            if (ending !== 'return') throw new Error('failed');
          },
        });
        sqs.add(...messages.map((_plan, i) => String(i)));
        await vi.advanceTimersByTimeAsync(stopAfterMs);
        stopped = true;
        const stoppedAt = Date.now();
        const report = consumer
          .stop(graceMs)
          .then((counts) => ({ counts, tookMs: Date.now() - stoppedAt, running }));
        await vi.advanceTimersByTimeAsync(graceMs + 3_500);
        const { counts, tookMs, running: left } = await report;
        expect(tookMs).toBeLessThanOrEqual(graceMs + 3_000);
        expect(counts.abandoned).toBe(left);
        expect(startedLate).toEqual([]);
        expect(sqs.violations).toEqual([]);
        await vi.advanceTimersByTimeAsync(60_000);
        expect(vi.getTimerCount()).toBe(0);
      },
    ),
    { numRuns: Number(process.env['QUEUE_PROPERTY_RUNS'] ?? 60) },
  );
});

/** A small seeded generator, so that a failing run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = Math.trunc(state + 0x6d2b79f5);
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
