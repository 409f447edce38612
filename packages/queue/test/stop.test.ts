import { setTimeout as sleep } from 'node:timers/promises';
import { ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { intercept, record, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('stop lets running handlers finish, acknowledges them, and receives nothing more', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const polls = record(pollClient);
  let running = 0;
  const release = Promise.withResolvers<void>();
  await using consumer = queue.consume({
    pollClient,
    concurrency: 3,
    handle: async () => {
      running++;
      await release.promise;
    },
  });
  await queue.send('1', '2', '3', '4');
  await waitFor(() => expect(running).toBe(3));
  const before = polls.length;
  const stopped = consumer.stop(60_000);
  await sleep(300);
  release.resolve();
  expect(await stopped).toEqual({ finished: 3, returned: 0, abandoned: 0 });
  expect(polls.length).toBe(before);
  expect(await queue.depth()).toBe(1);
  expect((await queue.receive())?.Body).toBe('4');
});

test.concurrent('stop gives back at once what a poll under way brings', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const polling = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  intercept(pollClient, async ({ input }) => {
    polling.resolve();
    await answer.promise;
    return connect().send(new ReceiveMessageCommand(input as never));
  });
  let handled = 0;
  await using consumer = queue.consume({
    pollClient,
    backoffSeconds: { base: 600, cap: 600 },
    handle: async () => {
      handled++;
    },
  });
  await polling.promise;
  await queue.send('1', '2');
  const stopped = consumer.stop(5_000);
  answer.resolve();
  expect(await stopped).toEqual({ finished: 0, returned: 2, abandoned: 0 });
  expect(handled).toBe(0);
  expect(new Set([(await queue.receive())?.Body, (await queue.receive())?.Body])).toEqual(
    new Set(['1', '2']),
  );
});

test.concurrent('a message that comes while stop waits for a poll is not lost to its lease', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const polls = record(pollClient);
  await using consumer = queue.consume({
    pollClient,
    waitTimeSeconds: 20,
    handle: async () => {},
  });
  await waitFor(() => expect(polls).toHaveLength(1));
  const stopped = consumer.stop(20_000);
  await sleep(100);
  await queue.send('hello');
  expect(await stopped).toEqual({ finished: 0, returned: 1, abandoned: 0 });
  expect((await queue.receive())?.Body).toBe('hello');
});

test.concurrent('stop aborts handlers that outlast its grace, and gives their messages back once they settle', async () => {
  const queue = await createQueue();
  let started = false;
  await using consumer = queue.consume({
    backoffSeconds: { base: 600, cap: 600 },
    handle: async (_body, { signal }) => {
      started = true;
      await sleep(60_000, undefined, { signal });
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(started).toBe(true));
  expect(await consumer.stop(100)).toEqual({ finished: 0, returned: 1, abandoned: 0 });
  expect((await queue.receive(1))?.Body).toBe('hello');
});

test.concurrent('stop abandons a handler that ignores its signal, and does not give its message away', async () => {
  const queue = await createQueue();
  let started = false;
  const hung = Promise.withResolvers<void>();
  await using consumer = queue.consume({
    handle: () => {
      started = true;
      return hung.promise;
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(started).toBe(true));
  const before = Date.now();
  expect(await consumer.stop(100)).toEqual({ finished: 0, returned: 0, abandoned: 1 });
  expect(Date.now() - before).toBeLessThan(6_000);
  expect(await queue.receive()).toBeUndefined();
  hung.resolve();
});

test.concurrent('stop waits for deletes under way', async () => {
  const queue = await createQueue();
  const actClient = connect();
  const deleting = Promise.withResolvers<void>();
  intercept(actClient, async ({ command }) => {
    if (command === 'DeleteMessageBatch') {
      deleting.resolve();
      await sleep(300);
    }
    return undefined;
  });
  await using consumer = queue.consume({ actClient, handle: async () => {} });
  await queue.send('hello');
  await deleting.promise;
  await consumer.stop(0);
  expect(await queue.depth()).toBe(0);
});

test.concurrent('stopping twice stops once', async () => {
  const queue = await createQueue();
  await using consumer = queue.consume({
    handle: async () => {},
  });
  expect(consumer.stop(0)).toBe(consumer.stop(10_000));
});

test.concurrent('stop does not wait for a queue that cannot be reached', async () => {
  const queue = await createQueue();
  const actClient = connect();
  let failures = 0;
  intercept(actClient, () => {
    failures++;
    throw new Error('unreachable');
  });
  await using consumer = queue.consume({
    actClient,
    handle: async () => {},
  });
  await waitFor(() => expect(failures).toBeGreaterThan(0));
  const before = Date.now();
  expect(await consumer.stop(10_000)).toEqual({ finished: 0, returned: 0, abandoned: 0 });
  expect(Date.now() - before).toBeLessThan(5_000);
});

test.concurrent('a message given back is not taken again by a poll that stop waits for', async () => {
  const queue = await createQueue();
  const attempts: number[] = [];
  await using consumer = queue.consume({
    isUnavailable: () => true,
    handle: async (_body, { receiveCount }) => {
      attempts.push(receiveCount);
      throw new Error('down');
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(attempts.length).toBeGreaterThan(0));
  // The next long poll is under way by now, and stop waits for it.
  await sleep(100);
  expect(await consumer.stop(5_000)).toEqual({ finished: 0, returned: 1, abandoned: 0 });
  const message = await queue.receive();
  expect(message?.Attributes?.ApproximateReceiveCount).toBe('2');
});
