import { expect, test } from 'vitest';
import { metric, standIn, waitFor } from './support.ts';

const { createQueue } = await standIn();

class Down extends Error {}
const isUnavailable = (error: unknown): boolean => error instanceof Down;

test.concurrent('an outage of what a handler needs costs its message no delivery', async () => {
  const queue = await createQueue({ visibilityTimeout: 2, maxReceiveCount: 1 });
  const counts: number[] = [];
  await using _ = queue.consume({
    isUnavailable,
    handle: async (_body, { receiveCount }) => {
      counts.push(receiveCount);
      if (counts.length < 5) throw new Down();
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(counts).toEqual([1, 1, 1, 1, 1]));
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(await queue.receiveDead(0)).toBeUndefined();
});

test.concurrent('an outage past the deadline is a failure like any other', async () => {
  const queue = await createQueue({ maxReceiveCount: 1 });
  await using consumer = queue.consume({
    isUnavailable,
    handlerTimeoutMs: 300,
    handle: () => Promise.reject(new Down()),
  });
  await queue.send('hello');
  expect((await queue.receiveDead())?.Body).toBe('hello');
  expect(await metric(consumer.registry, 'queue_deliveries_total', { outcome: 'failed' })).toBe(1);
});

test.concurrent('a stop gives back a message that waits for a dependency, at once', async () => {
  const queue = await createQueue();
  let attempts = 0;
  await using consumer = queue.consume({
    isUnavailable,
    // The poller waits for the only slot, which the message holds until polling has ended.
    concurrency: 1,
    handle: () => {
      attempts++;
      return Promise.reject(new Down());
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(attempts).toBeGreaterThan(0));
  const before = Date.now();
  const report = await consumer.stop(60_000);
  expect(Date.now() - before).toBeLessThan(20_000);
  expect(report).toEqual({ finished: 0, returned: 1, abandoned: 0 });
  expect((await queue.receive())?.Body).toBe('hello');
});
