import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { intercept, metric, record, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('the heartbeat keeps the message of a long handler from being delivered again', async () => {
  const queue = await createQueue({ visibilityTimeout: 2 });
  const counts: number[] = [];
  await using _ = queue.consume({
    handle: async (_body, { receiveCount, signal }) => {
      counts.push(receiveCount);
      await sleep(3_000, undefined, { signal });
    },
  });
  await queue.send('hello');
  await waitFor(async () => expect(await queue.depth()).toBe(1));
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(counts).toEqual([1]);
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
  await waitFor(async () =>
    expect(await metric(consumer.registry, 'queue_deliveries_total', { outcome: 'lost' })).toBe(1),
  );
  await sleep(150);
  expect(calls.filter(({ command }) => command === 'DeleteMessageBatch')).toEqual([]);
  // Its lease runs out at SQS, and the second delivery is acknowledged.
  await waitFor(async () => expect(await queue.depth()).toBe(0));
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
  await waitFor(async () => expect(await queue.depth()).toBe(0));
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
  await waitFor(() => expect(running).toBe(3));
  expect(told).toEqual([true]);
  release.resolve();
  await waitFor(() => expect(told).toEqual([true, false]));
  expect(await queue.depth()).toBe(0);
});
