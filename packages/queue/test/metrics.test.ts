import type { Registry } from 'prom-client';
import { expect, test, vi } from 'vitest';
import { sleep } from '../src/backoff.ts';
import { Poison, RetryLater } from '../src/index.ts';
import { consume, MINUTE, stop, useFakeClock } from './fake-clock.ts';
import { FakeSqs } from './fake-sqs.ts';
import { metric } from './support.ts';

useFakeClock();

/** A metric's samples by their labels, without buckets; a histogram's as count and sum. */
async function samples(registry: Registry, name: string): Promise<Record<string, number | number[]>> {
  const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
  const found: Record<string, number | number[]> = {};
  for (const { labels, value, ...rest } of values) {
    const part = 'metricName' in rest ? rest.metricName : undefined;
    const key = [labels['type'], labels['outcome']].join(' ').trim();
    if (part === undefined) found[key] = value;
    else if (part === `${name}_count`) found[key] = [value, ...[found[key] ?? []].flat()];
    else if (part === `${name}_sum`) found[key] = [...[found[key] ?? []].flat(), Math.round(value * 10) / 10];
  }
  return found;
}

test('deliveries are counted and timed by type and outcome, as they ended', async () => {
  const sqs = new FakeSqs({ maxReceiveCount: 2 });
  sqs.latencyMs = () => 0;
  // The first one is delivered twice at once, and so lost to the second receiver by the first heartbeat.
  sqs.duplicateNext = true;
  sqs.add('lost', 'done', 'done', 'later', 'failed', 'poison', '{', 'stopped');
  const consumer = consume(sqs, {
    messageType: (body) => body,
    parse: (body) => {
      if (body === '{') throw new Poison('not JSON');
      return body;
    },
    backoffSeconds: { base: 2, cap: 2 },
    handle: async (body, { receiveCount, signal }) => {
      await sleep(2_000);
      if (body === 'later' && receiveCount === 1) throw new RetryLater(5);
      if (body === 'failed') throw new Error('failed');
      if (body === 'poison') throw new Poison('poison');
      if ((body === 'lost' && receiveCount === 1) || body === 'stopped') {
        await sleep(10 * MINUTE, signal);
        throw new Error('aborted');
      }
    },
  });
  await vi.advanceTimersByTimeAsync(MINUTE);
  await stop(consumer);
  const { registry } = consumer;
  expect(await samples(registry, 'queue_deliveries_total')).toEqual({
    'done done': 2,
    'later retry_later': 1,
    'later done': 1,
    'failed failed': 2,
    'poison poison': 1,
    'unknown poison': 1,
    'lost lost': 1,
    'lost done': 1,
    'stopped returned': 1,
  });
  expect(await samples(registry, 'queue_handler_duration_seconds')).toEqual({
    'done done': [2, 4],
    'later retry_later': [1, 2],
    'later done': [1, 2],
    'failed failed': [2, 4],
    'poison poison': [1, 2],
    'unknown poison': [1, 0],
    // The first look at the leases past their half.
    'lost lost': [1, 15],
    'lost done': [1, 2],
    'stopped returned': [1, 60],
  });
  expect(await samples(registry, 'queue_lost_leases_total')).toEqual({ '': 1 });
  expect(await samples(registry, 'queue_receive_errors_total')).toEqual({ '': 0 });
  expect(await samples(registry, 'queue_messages_in_flight')).toEqual({ '': 0 });
});

test('messages in flight are those in handlers', async () => {
  const sqs = new FakeSqs();
  sqs.add('1', '2', '5');
  const consumer = consume(sqs, { handle: (body) => sleep(Number(body) * MINUTE) });
  const seen: number[] = [];
  for (let minute = 0; minute < 6; minute++) {
    await vi.advanceTimersByTimeAsync(minute === 0 ? MINUTE / 2 : MINUTE);
    seen.push(await metric(consumer.registry, 'queue_messages_in_flight'));
  }
  expect(seen).toEqual([3, 2, 1, 1, 1, 0]);
  await stop(consumer);
});

test('the age of a message counts from its send, earlier deliveries included', async () => {
  const sqs = new FakeSqs();
  sqs.latencyMs = () => 0;
  sqs.add('hello');
  await vi.advanceTimersByTimeAsync(90_000);
  const consumer = consume(sqs, {
    handle: async (_body, { receiveCount }) => {
      if (receiveCount === 1) throw new RetryLater(MINUTE / 1_000);
    },
  });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(await samples(consumer.registry, 'queue_message_age_seconds')).toEqual({ '': [2, 90 + 150] });
  await stop(consumer);
});

test('failed receives and acknowledgements given up are counted', async () => {
  const sqs = new FakeSqs({ maxReceiveCount: 10 });
  const failing = { ReceiveMessage: 3, DeleteMessageBatch: 8, ChangeMessageVisibilityBatch: 8 };
  sqs.fault = (command) => {
    if (!(command in failing)) return 'none';
    return failing[command as keyof typeof failing]-- > 0 ? 'request lost' : 'none';
  };
  sqs.add('deleted', 'later');
  const consumer = consume(sqs, {
    handle: async (body, { receiveCount }) => {
      if (body === 'later' && receiveCount === 1) throw new RetryLater(10 * MINUTE);
    },
  });
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  const { registry } = consumer;
  expect(sqs.depth).toBe(0);
  expect(await metric(registry, 'queue_receive_errors_total')).toBe(3);
  expect(await metric(registry, 'queue_acknowledge_failures_total', { call: 'delete' })).toBe(1);
  expect(await metric(registry, 'queue_acknowledge_failures_total', { call: 'visibility' })).toBe(1);
  await stop(consumer);
});
