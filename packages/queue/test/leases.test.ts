import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { intercept, metric, record, standIn } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('the heartbeat keeps the message of a long handler from being delivered again', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const counts: number[] = [];
  await using _ = queue.consume({
    handle: async (_body, { receiveCount, signal }) => {
      counts.push(receiveCount);
      await sleep(1_500, undefined, { signal });
    },
  });
  await queue.send('hello');
  await vi.waitFor(async () => expect(await queue.depth()).toBe(1));
  await vi.waitFor(async () => expect(await queue.depth()).toBe(0), 4_000);
  expect(counts).toEqual([1]);
});

test.concurrent('leases are extended together, once past their half', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  const calls = record(actClient);
  const release = Promise.withResolvers<void>();
  let running = 0;
  await using _ = queue.consume({
    actClient,
    concurrency: 12,
    handle: async () => {
      running++;
      await release.promise;
    },
  });
  await queue.send(...Array.from({ length: 12 }, (_item, i) => String(i)));
  await vi.waitFor(() => expect(running).toBe(12));
  const receivedAt = Date.now();
  const sizes = () =>
    calls
      .filter(({ command }) => command === 'ChangeMessageVisibilityBatch')
      .map(({ input }) => (input['Entries'] as unknown[]).length);
  await vi.waitFor(() => expect(sizes().reduce((sum, size) => sum + size, 0)).toBe(12), { interval: 10 });
  expect(Date.now() - receivedAt).toBeGreaterThan(350);
  expect(sizes().length).toBeLessThanOrEqual(3);
  release.resolve();
});

test.concurrent('a lease that SQS calls invalid aborts the handler, and nothing is acknowledged', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  const calls = record(actClient);
  intercept(actClient, ({ command }) =>
    command === 'ChangeMessageVisibilityBatch'
      ? { Failed: [{ Id: '0', SenderFault: true, Code: 'ReceiptHandleIsInvalid', Message: 'gone' }] }
      : undefined,
  );
  const ended = Promise.withResolvers<unknown>();
  await using consumer = queue.consume({
    actClient,
    concurrency: 1,
    handle: async (_body, { signal, receiveCount }) => {
      if (receiveCount > 1) return;
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve);
      });
      ended.resolve(signal.reason);
      // Returning would acknowledge a message that is still ours.
    },
  });
  await queue.send('hello');
  expect(await ended.promise).toEqual(new Error('the lease of this message was lost: gone'));
  expect(await metric(consumer.registry, 'queue_lost_leases_total')).toBe(1);
  await vi.waitFor(async () =>
    expect(await metric(consumer.registry, 'queue_deliveries_total', { outcome: 'lost' })).toBe(1),
  );
  await sleep(150);
  expect(calls.filter(({ command }) => command === 'DeleteMessageBatch')).toEqual([]);
  // Its lease runs out at SQS, and the second delivery is acknowledged.
  await vi.waitFor(async () => expect(await queue.depth()).toBe(0), 3_000);
});

test.concurrent('a lease that runs out because no heartbeat gets through aborts the handler', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  intercept(actClient, ({ command }) => {
    if (command === 'ChangeMessageVisibilityBatch') throw new Error('unreachable');
    return undefined;
  });
  const aborted = Promise.withResolvers<number>();
  await using _ = queue.consume({
    actClient,
    handle: async (_body, { signal, receiveCount }) => {
      if (receiveCount > 1) return;
      const startedAt = Date.now();
      signal.addEventListener('abort', () => aborted.resolve(Date.now() - startedAt));
      await aborted.promise;
    },
  });
  await queue.send('hello');
  const after = await aborted.promise;
  expect(after).toBeGreaterThan(900);
  expect(after).toBeLessThan(1_500);
});

test.concurrent('a heartbeat call that fails is survived', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  let heartbeats = 0;
  intercept(actClient, ({ command }) => {
    if (command !== 'ChangeMessageVisibilityBatch') return undefined;
    heartbeats++;
    if (heartbeats === 1) throw new Error('unreachable');
    if (heartbeats === 2) return { Failed: [{ Id: '0', SenderFault: false, Code: 'InternalError' }] };
    return undefined;
  });
  const counts: number[] = [];
  await using _ = queue.consume({
    actClient,
    handle: async (_body, { receiveCount, signal }) => {
      counts.push(receiveCount);
      await sleep(1_400, undefined, { signal });
    },
  });
  await queue.send('hello');
  await vi.waitFor(() => expect(counts).toEqual([1]));
  await vi.waitFor(async () => expect(await queue.depth()).toBe(0), 3_000);
  expect(counts).toEqual([1]);
  expect(heartbeats).toBeGreaterThan(2);
});

test.concurrent('a delete waits for the extension of its message that is under way', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  const extending = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const log: string[] = [];
  intercept(actClient, async ({ command }) => {
    if (command === 'DeleteMessageBatch') log.push('delete');
    if (command !== 'ChangeMessageVisibilityBatch') return undefined;
    extending.resolve();
    await answer.promise;
    log.push('extended');
    return undefined;
  });
  await using _ = queue.consume({
    actClient,
    handle: () => extending.promise,
  });
  await queue.send('hello');
  await extending.promise;
  await sleep(150);
  answer.resolve();
  await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(log).toEqual(['extended', 'delete']);
});

test.concurrent('busy is told when the first message comes and when the last one is settled', async () => {
  const queue = await createQueue();
  const told: boolean[] = [];
  let running = 0;
  const release = Promise.withResolvers<void>();
  await queue.send('1', '2', '3');
  await using _ = queue.consume({
    onBusyChange: (busy) => told.push(busy),
    handle: async () => {
      running++;
      await release.promise;
    },
  });
  await vi.waitFor(() => expect(running).toBe(3));
  expect(told).toEqual([true]);
  release.resolve();
  await vi.waitFor(() => expect(told).toEqual([true, false]));
  expect(await queue.depth()).toBe(0);
});
