import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { expect, test } from 'vitest';
import { dynamoDbIdempotencyStore } from '../src/index.ts';
import { startDynamoDb } from './dynamodb.ts';

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const RESPONSE = { status: 201, headers: { 'content-type': 'application/json' }, body: '{"id":1}' };

async function newStore() {
  const { client } = await startDynamoDb();
  const store = dynamoDbIdempotencyStore({ client, tableName: 'control' });
  const start = async (now = NOW, key = 'k'): Promise<string> => {
    const found = await store.begin(key, 'f', now);
    if (found.state !== 'started') throw new Error(`expected to start, found ${found.state}`);
    return found.lease;
  };
  return { client, store, start };
}

test('an answer that was kept is given again, also much later', async () => {
  const { store, start } = await newStore();
  await store.complete('k', await start(), RESPONSE);
  expect(await store.begin('k', 'f', NOW + DAY - 1000)).toEqual({ state: 'completed', response: RESPONSE });
});

test('of calls at the same time exactly one starts', async () => {
  const { store } = await newStore();
  const states = await Promise.all(Array.from({ length: 10 }, () => store.begin('k', 'f', NOW)));
  expect(states.map(({ state }) => state).toSorted()).toEqual([
    ...Array<string>(9).fill('in_progress'),
    'started',
  ]);
});

test('another request under the same key is a mismatch, in progress or completed', async () => {
  const { store, start } = await newStore();
  const lease = await start();
  expect(await store.begin('k', 'other', NOW)).toEqual({ state: 'mismatch' });
  await store.complete('k', lease, RESPONSE);
  expect(await store.begin('k', 'other', NOW)).toEqual({ state: 'mismatch' });
});

test('keys do not know of each other', async () => {
  const { store, start } = await newStore();
  await start(NOW, 'a');
  expect(await store.begin('b', 'f', NOW)).toMatchObject({ state: 'started' });
});

test('a key that was abandoned is free', async () => {
  const { store, start } = await newStore();
  await store.abandon('k', await start());
  expect(await store.begin('k', 'f', NOW)).toMatchObject({ state: 'started' });
});

test('a request that never ended may be run anew when its lease ended, not before', async () => {
  const { store, start } = await newStore();
  await start();
  expect(await store.begin('k', 'f', NOW + 29_999)).toEqual({ state: 'in_progress' });
  await start(NOW + 30_000);
  // Nothing is known of what it did, so any request may come under the key.
  expect(await store.begin('k', 'other', NOW + 59_999)).toEqual({ state: 'mismatch' });
  expect(await store.begin('k', 'other', NOW + 60_000)).toMatchObject({ state: 'started' });
});

test('who lost the lease changes nothing any more', async () => {
  const { store, start } = await newStore();
  const lost = await start();
  const held = await start(NOW + 30_000);
  await store.abandon('k', lost);
  await store.complete('k', lost, { ...RESPONSE, body: 'late' });
  expect(await store.begin('k', 'f', NOW + 30_001)).toEqual({ state: 'in_progress' });
  await store.complete('k', held, RESPONSE);
  expect(await store.begin('k', 'f', NOW + 30_002)).toEqual({ state: 'completed', response: RESPONSE });
});

test('an answer that outlived its time is not given again, though DynamoDB has not deleted it yet', async () => {
  const { store, start } = await newStore();
  await store.complete('k', await start(), RESPONSE);
  expect(await store.begin('k', 'f', NOW + DAY)).toMatchObject({ state: 'started' });
});

test('an answer too large for an item is not kept', async () => {
  const { store, start } = await newStore();
  await store.complete('k', await start(), { ...RESPONSE, body: 'x'.repeat(360 * 1024) });
  await store.complete('k', await start(), { ...RESPONSE, body: 'x'.repeat(340 * 1024) });
  expect((await store.begin('k', 'f', NOW)).state).toBe('completed');
});

test('a put whose answer is lost, and which is therefore sent again, has taken the key', async () => {
  const { client, store, start } = await newStore();
  let lost = false;
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        if (commandName !== 'PutItemCommand' || lost) return result;
        lost = true;
        return next(args);
      },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await store.complete('k', await start(), RESPONSE);
  expect(lost).toBe(true);
  expect(await store.begin('k', 'f', NOW)).toEqual({ state: 'completed', response: RESPONSE });
});

test('the item is found by its key and expires by the TTL attribute, in seconds', async () => {
  const { client, start } = await newStore();
  await start();
  const { Item } = await client.send(
    new GetCommand({ TableName: 'control', Key: { pk: 'idempotency#k', sk: 'idempotency' } }),
  );
  expect(Item).toMatchObject({ status: 'in_progress', expiresAt: NOW / 1000 + 86_400 });
});
