import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { intercept, metric, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

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
  await waitFor(() => expect(sizes).toEqual([3, 1]));
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
  const failures = () => metric(consumer.registry, 'queue_acknowledge_failures_total', { call: 'delete' });
  await waitFor(async () => expect(await failures()).toBe(1));
  expect(deletes).toBe(1);
  await waitFor(() => expect(counts).toEqual([1, 2]));
});

test.concurrent('a delete that is not answered is given up after 5 s, and tried again', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const queue = await createQueue();
  const actClient = connect();
  const sentAt: number[] = [];
  actClient.middlewareStack.add(
    (next, context) => (args) => {
      if (context.commandName !== 'DeleteMessageBatchCommand') return next(args);
      sentAt.push(performance.now());
      if (sentAt.length === 1) Object.assign(args.request as object, { port });
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await using _ = queue.consume({ actClient, handle: async () => {} });
  await queue.send('hello');
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  const [first = 0, second = 0] = sentAt;
  expect(second - first).toBeGreaterThan(4_900);
  silent.close();
});
