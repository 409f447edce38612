import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { sendToDeadLetters } from '../src/dead-letters.ts';
import { type HandlerContext, messageParser, Poison, RetryLater } from '../src/index.ts';
import { intercept, metric, standIn, waitFor } from './support.ts';

const { connect, createQueue } = await standIn();

test.concurrent('a message whose handler returns is deleted', async () => {
  const queue = await createQueue();
  await using consumer = queue.consume({
    handle: async () => {},
  });
  await queue.send('hello');
  await waitFor(async () => expect(await metric(consumer.registry, 'queue_deliveries_total')).toBe(1));
  await waitFor(async () => expect(await queue.depth()).toBe(0));
});

test.concurrent('a message whose handler throws is delivered again, counting, and ends in the dead-letter queue', async () => {
  const queue = await createQueue({ maxReceiveCount: 3 });
  const deliveries: Pick<HandlerContext, 'receiveCount' | 'lastDelivery'>[] = [];
  await using _ = queue.consume({
    handle: async (_body, { receiveCount, lastDelivery }) => {
      deliveries.push({ receiveCount, lastDelivery });
      throw new Error('no');
    },
  });
  await queue.send('hello');
  const dead = await queue.receiveDead();
  expect(dead?.Body).toBe('hello');
  expect(dead?.MessageAttributes).not.toHaveProperty('reason');
  expect(deliveries).toEqual([
    { receiveCount: 1, lastDelivery: false },
    { receiveCount: 2, lastDelivery: false },
    { receiveCount: 3, lastDelivery: true },
  ]);
});

test.concurrent('RetryLater brings the message back after the seconds it names', async () => {
  const queue = await createQueue();
  const deliveredAt: number[] = [];
  await using _ = queue.consume({
    handle: async () => {
      deliveredAt.push(Date.now());
      if (deliveredAt.length === 1) throw new RetryLater(1, 'not ready');
    },
  });
  await queue.send('hello');
  await waitFor(() => expect(deliveredAt).toHaveLength(2));
  const [first = 0, second = 0] = deliveredAt;
  expect(second - first).toBeGreaterThan(950);
});

test.concurrent('poison goes to the dead-letter queue at once, with the reason and its own attributes', async () => {
  const queue = await createQueue();
  let deliveries = 0;
  await using _ = queue.consume({
    handle: async () => {
      deliveries++;
      throw new Poison('no such dataset\u0000');
    },
  });
  await queue.send('hello');
  const dead = await queue.receiveDead();
  expect(dead?.Body).toBe('hello');
  expect(dead?.MessageAttributes?.['reason']?.StringValue).toBe('no such dataset\u{FFFD}');
  expect(dead?.MessageAttributes?.['tenant']?.StringValue).toBe('acme');
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(deliveries).toBe(1);
});

test.concurrent('a body that cannot be read is poison, and no handler sees it', async () => {
  const queue = await createQueue();
  let deliveries = 0;
  await using consumer = queue.consume({
    parse: (body) => {
      throw new Poison(`not JSON: ${body}`);
    },
    handle: async () => {
      deliveries++;
    },
  });
  await queue.send('{');
  const dead = await queue.receiveDead();
  expect(dead?.MessageAttributes?.['reason']?.StringValue).toBe('not JSON: {');
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(deliveries).toBe(0);
  expect(
    await metric(consumer.registry, 'queue_deliveries_total', { type: 'unknown', outcome: 'poison' }),
  ).toBe(1);
});

test.concurrent('a message of an unknown type goes to the dead-letter queue as it came, with what is wrong', async () => {
  const queue = await createQueue();
  const handled: string[] = [];
  const parse = messageParser(Type.Object({ type: Type.Literal('greeting') }));
  await using _ = queue.consume({
    parse: (body) => parse(body).type,
    handle: async (body) => {
      handled.push(body);
    },
  });
  await queue.send('{"type":"farewell"}', '{"type":"greeting"}');
  const dead = await queue.receiveDead();
  expect(dead?.Body).toBe('{"type":"farewell"}');
  expect(dead?.MessageAttributes?.['reason']?.StringValue).toBe(
    'unknown or malformed message: /type must be "greeting"',
  );
  await waitFor(async () => expect(await queue.depth()).toBe(0));
  expect(handled).toEqual(['greeting']);
});

test.concurrent('poison that cannot be sent to the dead-letter queue is kept', async () => {
  const queue = await createQueue({ maxReceiveCount: 5 });
  const actClient = connect();
  let sends = 0;
  intercept(actClient, ({ command }) => {
    if (command === 'SendMessage' && ++sends === 1) throw new Error('unreachable');
    return undefined;
  });
  const counts: number[] = [];
  await using _ = queue.consume({
    actClient,
    handle: async (_body, { receiveCount }) => {
      counts.push(receiveCount);
      throw new Poison('bad');
    },
  });
  await queue.send('hello');
  expect((await queue.receiveDead())?.Body).toBe('hello');
  expect(counts).toEqual([1, 2]);
});

test.concurrent('a handler gets the message id, its text attributes and a log bound to the delivery', async () => {
  const queue = await createQueue();
  const seen = Promise.withResolvers<HandlerContext>();
  await using _ = queue.consume({
    messageType: () => 'greeting',
    handle: async (_body, context) => seen.resolve(context),
  });
  await queue.send('hello');
  const { messageId, attributes, log } = await seen.promise;
  expect(messageId).toMatch(/^[0-9a-f-]{36}$/);
  expect(attributes).toEqual({ tenant: 'acme' });
  expect(log.bindings()).toEqual({ messageId, receiveCount: 1, type: 'greeting' });
});

test.concurrent('poison keeps within the ten attributes that SQS allows', async () => {
  const names = Array.from({ length: 10 }, (_item, i) => `attribute-${i}`);
  const sent: object[] = [];
  const client = connect();
  intercept(client, ({ input }) => {
    sent.push(input['MessageAttributes'] as object);
    return {};
  });
  const MessageAttributes = Object.fromEntries(
    names.map((name) => [name, { DataType: 'String', StringValue: 'x' }]),
  );
  await sendToDeadLetters(client, 'http://localhost/dlq', { Body: 'hello', MessageAttributes }, 'bad');
  expect(sent.map((attributes) => Object.keys(attributes))).toEqual([[...names.slice(0, 9), 'reason']]);
});
