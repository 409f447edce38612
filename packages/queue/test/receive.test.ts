import { setTimeout as sleep } from 'node:timers/promises';
import { CreateQueueCommand, SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { intercept, metric, record, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('receive errors give back the slots they reserved', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  let failures = 0;
  intercept(pollClient, () => {
    if (++failures <= 3) throw new Error('unreachable');
    return undefined;
  });
  let running = 0;
  const release = Promise.withResolvers<void>();
  await using _ = queue.consume({
    pollClient,
    concurrency: 3,
    handle: async () => {
      running++;
      await release.promise;
    },
  });
  await queue.send('1', '2', '3', '4');
  await waitFor(() => expect(running).toBe(3));
  release.resolve();
});

test.concurrent('a queue that cannot be reached at the start is waited for', async () => {
  const queue = await createQueue();
  const actClient = connect();
  let attempts = 0;
  intercept(actClient, ({ command }) => {
    if (command === 'GetQueueAttributes' && ++attempts <= 2) throw new Error('unreachable');
    return undefined;
  });
  const handled: string[] = [];
  await using consumer = queue.consume({
    actClient,
    handle: async (body) => {
      handled.push(body);
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(handled).toEqual(['hello']));
  expect(await metric(consumer.registry, 'queue_receive_errors_total')).toBe(2);
});

test.concurrent('a queue without a redrive policy is not consumed until it has one', async () => {
  const queue = await createQueue();
  const client = connect();
  const { QueueUrl: queueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: 'no-redrive' }));
  const pollClient = connect();
  const polls = record(pollClient);
  await using consumer = queue.consume({ queueUrl, pollClient, handle: async () => {} });
  await waitFor(async () =>
    expect(await metric(consumer.registry, 'queue_receive_errors_total')).toBeGreaterThan(0),
  );
  expect(polls).toEqual([]);
  const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${queue.deadLetterUrl.split('/').at(-1)}`;
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 3 });
  await client.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { RedrivePolicy } }));
  await waitFor(() => expect(polls.length).toBeGreaterThan(0));
});

test.concurrent('receives and the other calls use clients of their own', async () => {
  const queue = await createQueue();
  const pollClient = connect();
  const actClient = connect();
  const polls = record(pollClient);
  const acts = record(actClient);
  await using _ = queue.consume({ pollClient, actClient, handle: async () => {} });
  await queue.send('hello');
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(new Set(polls.map(({ command }) => command))).toEqual(new Set(['ReceiveMessage']));
  expect(acts.map(({ command }) => command)).toEqual([
    'GetQueueAttributes',
    'GetQueueUrl',
    'DeleteMessageBatch',
  ]);
});

test.concurrent('the metrics tell age, duration and messages in flight', async () => {
  const queue = await createQueue();
  const release = Promise.withResolvers<void>();
  await queue.send('hello');
  await sleep(100);
  await using consumer = queue.consume({
    messageType: () => 'greeting',
    handle: () => release.promise,
  });
  const { registry } = consumer;
  await waitFor(async () => expect(await metric(registry, 'queue_messages_in_flight')).toBe(1));
  release.resolve();
  await waitFor(async () => expect(await metric(registry, 'queue_messages_in_flight')).toBe(0));
  const text = await registry.metrics();
  expect(text).toContain('queue_handler_duration_seconds_count{type="greeting",outcome="done"} 1');
  expect(text).toContain('queue_deliveries_total{type="greeting",outcome="done"} 1');
  expect(text).toContain('queue_message_age_seconds_count 1');
  expect(Number(/queue_message_age_seconds_sum (\S+)/.exec(text)?.[1])).toBeGreaterThan(0.09);
});
