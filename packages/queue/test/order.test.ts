import { expect, test, vi } from 'vitest';
import { sleep } from '../src/backoff.ts';
import { Poison, RetryLater } from '../src/index.ts';
import { consume, MINUTE, stop, useFakeClock } from './fake-clock.ts';
import { FakeSqs } from './fake-sqs.ts';

useFakeClock();

test('each message is acknowledged after its handler ended, in the order in which handlers ended', async () => {
  const sqs = new FakeSqs();
  const log: string[] = [];
  sqs.onTold = ({ id, visibleIn }) => log.push(`${id.split('-')[1]} ${visibleIn}`);
  sqs.add('300', '100', '500', '200', '400');
  const consumer = consume(sqs, {
    handle: async (body) => {
      await sleep(Number(body));
      log.push(`${body} ended`);
      if (body === '200') throw new RetryLater(600);
      if (body === '400') throw new Poison('no');
    },
  });
  await vi.advanceTimersByTimeAsync(2_000);
  const expected = '100 ended,100 deleted,200 ended,200 600,300 ended,300 deleted,400 ended,400 deleted';
  expect(log).toEqual([...expected.split(','), '500 ended', '500 deleted']);
  expect(sqs.deadLetters).toEqual(['400']);
  await stop(consumer);
});

test('messages that end together are deleted together, in the order in which they ended', async () => {
  const sqs = new FakeSqs();
  sqs.add(...Array.from({ length: 24 }, (_item, i) => String(i)));
  const ended: string[] = [];
  const consumer = consume(sqs, {
    concurrency: 25,
    handle: async (body) => {
      // One that lasts keeps the others from being the last.
      await sleep(body === '0' ? 1_000 : 100 + ((Number(body) * 7) % 30));
      ended.push(body);
    },
  });
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sqs.deleted).toEqual(ended);
  const deletes = sqs.batches.filter(({ command }) => command === 'DeleteMessageBatch');
  expect(deletes.map(({ size }) => size)).toEqual([10, 10, 3, 1]);
  await stop(consumer);
});

test('a finished message waits for company for 50 ms, and not at all when no other is being handled', async () => {
  const sqs = new FakeSqs();
  const waits: number[] = [];
  let endedAt = 0;
  sqs.onTold = () => waits.push(Date.now() - endedAt - sqs.latencyMs());
  sqs.add('100', '400');
  const consumer = consume(sqs, {
    handle: async (body) => {
      await sleep(Number(body));
      endedAt = Date.now();
    },
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waits).toEqual([50, 0]);
  await stop(consumer);
});

test('a message that SQS delivers twice is handled twice: telling them apart is up to the handler', async () => {
  const sqs = new FakeSqs();
  sqs.add('hello');
  sqs.duplicateNext = true;
  const started: number[] = [];
  const consumer = consume(sqs, {
    handle: async (_body, { receiveCount }) => {
      started.push(receiveCount);
      await sleep(1_000);
    },
  });
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(started).toEqual([1, 2]);
  expect(sqs.deleted).toEqual(['hello']);
  await stop(consumer);
});
