import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createProducer } from '../src/index.ts';
import { standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.each([
  { pollers: 1, concurrency: 10 },
  { pollers: 3, concurrency: 24 },
])('a drain under load accounts for every message: $pollers pollers', async ({ pollers, concurrency }) => {
  const queue = await createQueue({ maxReceiveCount: 5 });
  const producer = createProducer<number>({ queueUrl: queue.queueUrl, client: connect() });
  let sent = 0;
  const send = async (count: number): Promise<void> => {
    await producer.sendAll(Array.from({ length: count }, () => sent++));
  };
  await send(300);

  const started: string[] = [];
  const done = new Set<string>();
  let ended = 0;
  let stopping = false;
  await using consumer = queue.consume({
    pollers,
    concurrency,
    handle: async (body, { receiveCount }) => {
      expect(stopping).toBe(false);
      started.push(body);
      await sleep(5 + Math.random() * 100);
      ended++;
      if (receiveCount === 1 && Number(body) % 7 === 0) throw new Error('again');
      done.add(body);
    },
  });
  await waitFor(() => expect(done.size).toBeGreaterThan(50));
  const sending = send(50);
  stopping = true;
  const running = started.length - ended;
  const report = await consumer.stop(30_000);
  await sending;

  expect(running).toBeGreaterThan(0);
  expect(report).toEqual({ finished: running, returned: expect.any(Number), abandoned: 0 });
  // What was not done is visible at once: nothing is left in flight, and nothing is gone.
  const left: string[] = [];
  for (let message = await queue.receive(); message; message = await queue.receive())
    left.push(String(message.Body));
  expect(await queue.depth()).toBe(0);
  const all = Array.from({ length: sent }, (_item, i) => String(i));
  expect([...done, ...left].toSorted()).toEqual(all.toSorted());
});
