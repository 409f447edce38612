import { expect, test, vi } from 'vitest';
import { createSlots } from '../src/slots.ts';
import { consume, MINUTE, stop, useFakeClock } from './fake-clock.ts';
import { FakeSqs } from './fake-sqs.ts';

useFakeClock();

test('a receive asks for as many messages as slots are free, ten at most', async () => {
  const sqs = new FakeSqs();
  sqs.add(...Array.from({ length: 40 }, (_item, i) => String(i)));
  const ends: (() => void)[] = [];
  const consumer = consume(sqs, {
    concurrency: 25,
    handle: () => new Promise((resolve) => ends.push(resolve)),
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sqs.asked).toEqual([10, 10, 5]);
  for (const end of ends.slice(0, 7)) end();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sqs.asked).toEqual([10, 10, 5, 7]);
  for (const end of ends) end();
  await stop(consumer);
});

test('each poller has a receive under way while there are slots for it, and the settings are read once', async () => {
  const sqs = new FakeSqs();
  let reads = 0;
  sqs.fault = (command) => {
    if (command === 'GetQueueAttributes') reads++;
    return 'none';
  };
  const consumer = consume(sqs, { concurrency: 25, pollers: 3, handle: async () => {} });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sqs.asked).toEqual([10, 10, 5]);
  expect(reads).toBe(1);
  await stop(consumer);
});

test('a poller that finds few free slots waits a moment for more', async () => {
  const slots = createSlots(10);
  await slots.reserve(10);
  const next = slots.reserve(10);
  slots.release(1);
  await vi.advanceTimersByTimeAsync(5);
  slots.release(4);
  expect(await next).toBe(5);
});

test('a poller does not wait for more free slots than a moment', async () => {
  const slots = createSlots(10);
  await slots.reserve(10);
  slots.release(1);
  const next = slots.reserve(10);
  await vi.advanceTimersByTimeAsync(10);
  expect(await next).toBe(1);
});

test('closed slots end every wait for one', async () => {
  const slots = createSlots(1);
  await slots.reserve(10);
  const waiting = [slots.reserve(10), slots.reserve(10)];
  slots.close();
  expect(await Promise.all(waiting)).toEqual([0, 0]);
});

test('after a receive that worked, back-off begins anew', async () => {
  const sqs = new FakeSqs();
  const outcomes = ['fail', 'fail', 'fail', 'fail', 'work', 'fail', 'fail'];
  const calls: number[] = [];
  sqs.fault = (command) => {
    if (command !== 'ReceiveMessage') return 'none';
    calls.push(Date.now());
    return outcomes.shift() === 'fail' ? 'request lost' : 'none';
  };
  const consumer = consume(sqs, { waitTimeSeconds: 0, handle: async () => {} });
  await vi.advanceTimersByTimeAsync(MINUTE);
  const waits = calls.slice(1, 8).map((at, i) => at - (calls[i] ?? 0) - 5);
  // The fifth receive finds nothing, which takes it 5 ms more, and the next one follows at once.
  expect(waits).toEqual([100, 200, 400, 800, 5, 100, 200]);
  await stop(consumer);
});

test('attributes such as traceparent are asked for, and handed to the handler', async () => {
  const sqs = new FakeSqs();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  sqs.attributes = { traceparent: { DataType: 'String', StringValue: traceparent } };
  sqs.add('hello');
  const seen: unknown[] = [];
  const consumer = consume(sqs, {
    handle: async (_body, { attributes }) => {
      seen.push(attributes);
    },
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(seen).toEqual([{ traceparent }]);
  await stop(consumer);
});

test('an onBusyChange that throws costs no message', async () => {
  const sqs = new FakeSqs();
  sqs.add('1', '2', '3');
  const handled: string[] = [];
  const consumer = consume(sqs, {
    concurrency: 1,
    onBusyChange: () => {
      throw new Error('no agent');
    },
    handle: async (body) => {
      handled.push(body);
    },
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(handled).toEqual(['1', '2', '3']);
  expect(sqs.deleted).toEqual(['1', '2', '3']);
  await stop(consumer);
});
