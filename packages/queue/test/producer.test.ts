import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createProducer } from '../src/index.ts';
import { intercept, record, standIn } from './support.ts';

const { connect, createQueue } = await standIn();

const sizes = (calls: { input: Record<string, unknown> }[]) =>
  calls.map(({ input }) => (input['Entries'] as unknown[]).length);

test.concurrent('a message is sent as JSON with the attributes of its producer and its own', async () => {
  const queue = await createQueue();
  let sends = 0;
  const attributes = () => ({ traceparent: `00-${++sends}`, tenant: 'nobody' });
  const producer = createProducer<{ id: number }>({
    queueUrl: queue.queueUrl,
    client: connect(),
    attributes,
  });
  await producer.send({ id: 1 }, { attributes: { tenant: 'acme' } });
  const message = await queue.receive();
  expect(message?.Body).toBe('{"id":1}');
  expect(message?.MessageAttributes?.['traceparent']?.StringValue).toBe('00-1');
  expect(message?.MessageAttributes?.['tenant']?.StringValue).toBe('acme');
});

test.concurrent('a delayed message comes later', async () => {
  const queue = await createQueue();
  const producer = createProducer<string>({ queueUrl: queue.queueUrl, client: connect() });
  await producer.send('hello', { delaySeconds: 1 });
  expect(await queue.receive()).toBeUndefined();
  expect((await queue.receive(2))?.Body).toBe('"hello"');
});

test.concurrent('messages are sent ten a call, at most four calls at a time', async () => {
  const queue = await createQueue();
  const client = connect();
  const calls = record(client);
  let underWay = 0;
  let most = 0;
  intercept(client, async () => {
    most = Math.max(most, ++underWay);
    await sleep(10);
    underWay--;
    return undefined;
  });
  const producer = createProducer<number>({ queueUrl: queue.queueUrl, client });
  await producer.sendAll(Array.from({ length: 75 }, (_item, i) => i));
  expect(await queue.depth()).toBe(75);
  expect(sizes(calls)).toEqual([10, 10, 10, 10, 10, 10, 10, 5]);
  expect(most).toBe(4);
});

test.concurrent('a batch stays under the limit of SQS in bytes, attributes included', async () => {
  const queue = await createQueue();
  const client = connect();
  const calls = record(client);
  const producer = createProducer<string>({ queueUrl: queue.queueUrl, client });
  // Two bytes a character in UTF-8: three of these and their attribute are just over 1 MiB.
  const large = 'é'.repeat(1_048_576 / 6 - 4);
  await producer.sendAll([large, large, large], { attributes: { tenant: 'acme' } });
  expect(sizes(calls)).toEqual([2, 1]);
});

test.concurrent('nothing is sent when one message is too large', async () => {
  const queue = await createQueue();
  const producer = createProducer<string>({ queueUrl: queue.queueUrl, client: connect() });
  await expect(producer.sendAll(['fine', 'x'.repeat(1_048_576)])).rejects.toThrow(RangeError);
  expect(await queue.depth()).toBe(0);
});

test.concurrent('only the messages that failed are sent again', async () => {
  const queue = await createQueue();
  const client = connect();
  const bodies: string[][] = [];
  intercept(client, ({ input }) => {
    bodies.push((input['Entries'] as { MessageBody: string }[]).map(({ MessageBody }) => MessageBody));
    if (bodies.length === 1) return { Failed: [{ Id: '1', SenderFault: false, Code: 'InternalError' }] };
    if (bodies.length === 2) throw new Error('unreachable');
    return undefined;
  });
  const producer = createProducer<number>({ queueUrl: queue.queueUrl, client });
  await producer.sendAll([1, 2, 3]);
  expect(bodies).toEqual([['1', '2', '3'], ['2'], ['2']]);
});

test.concurrent('messages that cannot be sent are counted in the error', async () => {
  const queue = await createQueue();
  const client = connect();
  let calls = 0;
  intercept(client, () => {
    if (++calls > 1) throw new Error('unreachable');
    return undefined;
  });
  const producer = createProducer<number>({ queueUrl: queue.queueUrl, client });
  const sent = producer.sendAll(Array.from({ length: 25 }, (_item, i) => i));
  await expect(sent).rejects.toThrow(/^15 of 25 messages were not sent/);
  await expect(sent).rejects.toMatchObject({ cause: new Error('unreachable') });
});

test.concurrent('a message that SQS refuses is not sent again', async () => {
  const queue = await createQueue();
  const client = connect();
  const calls = record(client);
  const producer = createProducer<string>({ queueUrl: queue.queueUrl, client });
  const attributes = { 'bad name': '' };
  intercept(client, () => ({
    Failed: [{ Id: '0', SenderFault: true, Code: 'InvalidParameterValue', Message: 'a space' }],
  }));
  await expect(producer.send('x', { attributes })).rejects.toMatchObject({
    cause: new Error('InvalidParameterValue: a space'),
  });
  expect(calls).toHaveLength(1);
});
