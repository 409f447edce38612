import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { intercept, metric, record, standIn } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('deletes share calls', async () => {
  const queue = await createQueue();
  const actClient = connect();
  const calls = record(actClient);
  await queue.send(...Array.from({ length: 40 }, (_item, i) => String(i)));
  await using _ = queue.consume({
    actClient,
    handle: () => sleep(5 * Math.random()),
  });
  await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
  const deletes = calls.filter(({ command }) => command === 'DeleteMessageBatch');
  expect(deletes.length).toBeLessThanOrEqual(12);
});

test.concurrent('a lone message is deleted at once', async () => {
  const queue = await createQueue();
  const actClient = connect();
  const handled = Promise.withResolvers<number>();
  const deleted = Promise.withResolvers<number>();
  intercept(actClient, ({ command }) => {
    if (command === 'DeleteMessageBatch') deleted.resolve(performance.now());
    return undefined;
  });
  await using _ = queue.consume({
    actClient,
    handle: async () => handled.resolve(performance.now()),
  });
  await queue.send('hello');
  expect((await deleted.promise) - (await handled.promise)).toBeLessThan(40);
});

test.concurrent('a finished message does not wait for company longer than a moment', async () => {
  const queue = await createQueue();
  const release = Promise.withResolvers<void>();
  await using _ = queue.consume({
    handle: (body) => (body === 'slow' ? release.promise : Promise.resolve()),
  });
  await queue.send('slow', 'quick');
  await vi.waitFor(async () => expect(await queue.depth()).toBe(1), { timeout: 500, interval: 10 });
  release.resolve();
});

test.concurrent('entries that SQS fails to delete are tried again, and only these', async () => {
  const queue = await createQueue();
  const actClient = connect();
  const sizes: number[] = [];
  intercept(actClient, ({ command, input }) => {
    if (command !== 'DeleteMessageBatch') return undefined;
    sizes.push((input['Entries'] as unknown[]).length);
    return sizes.length === 1
      ? { Failed: [{ Id: '1', SenderFault: false, Code: 'InternalError' }] }
      : undefined;
  });
  const counts: number[] = [];
  await queue.send('1', '2', '3');
  await using consumer = queue.consume({
    actClient,
    handle: async (_body, { receiveCount }) => {
      counts.push(receiveCount);
    },
  });
  await vi.waitFor(() => expect(sizes).toEqual([3, 1]));
  expect(counts).toEqual([1, 1, 1]);
  expect(await metric(consumer.registry, 'queue_acknowledge_failures_total')).toBe(0);
});

test.concurrent('a delete refused as our own fault is counted and not tried again', async () => {
  const queue = await createQueue({ visibilityTimeout: 1 });
  const actClient = connect();
  let deletes = 0;
  intercept(actClient, ({ command }) => {
    if (command !== 'DeleteMessageBatch' || ++deletes > 1) return undefined;
    return { Failed: [{ Id: '0', SenderFault: true, Code: 'ReceiptHandleIsInvalid' }] };
  });
  const counts: number[] = [];
  await using consumer = queue.consume({
    actClient,
    handle: async (_body, { receiveCount }) => {
      counts.push(receiveCount);
    },
  });
  await queue.send('hello');
  await vi.waitFor(() => expect(deletes).toBe(1));
  expect(await metric(consumer.registry, 'queue_acknowledge_failures_total', { call: 'delete' })).toBe(1);
  await vi.waitFor(() => expect(counts).toEqual([1, 2]), 3_000);
});
