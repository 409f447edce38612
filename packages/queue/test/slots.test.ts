import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { record, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('a slow message does not hold up the others', async () => {
  const queue = await createQueue();
  const slow = Promise.withResolvers<void>();
  const done: string[] = [];
  await using _ = queue.consume({
    concurrency: 2,
    handle: async (body) => {
      if (body === 'slow') await slow.promise;
      done.push(body);
    },
  });
  await queue.send('slow', '1', '2', '3', '4', '5');
  await waitFor(() => expect(done).toEqual(['1', '2', '3', '4', '5']));
  slow.resolve();
  await waitFor(() => expect(done).toContain('slow'));
  await waitFor(async () => expect(await queue.depth()).toBe(0));
});

test.concurrent('no more messages are received than slots are free, over all pollers', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const calls = record(pollClient);
  let running = 0;
  let most = 0;
  let done = 0;
  await using _ = queue.consume({
    pollClient,
    concurrency: 4,
    pollers: 3,
    handle: async () => {
      running++;
      most = Math.max(most, running);
      await sleep(Math.random() * 20);
      running--;
      done++;
    },
  });
  await queue.send(...Array.from({ length: 60 }, (_item, i) => String(i)));
  await waitFor(() => expect(done).toBe(60));
  expect(most).toBe(4);
  expect(Math.max(...calls.map(({ input }) => Number(input['MaxNumberOfMessages'])))).toBeLessThanOrEqual(4);
});

test.concurrent('nothing is received while no slot is free', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const calls = record(pollClient);
  const block = Promise.withResolvers<void>();
  let started = 0;
  await using _ = queue.consume({
    pollClient,
    concurrency: 1,
    handle: async () => {
      started++;
      await block.promise;
    },
  });
  await queue.send('1', '2');
  await waitFor(() => expect(started).toBe(1));
  const before = calls.length;
  await sleep(200);
  expect(calls.length).toBe(before);
  block.resolve();
  await waitFor(() => expect(started).toBe(2));
});
