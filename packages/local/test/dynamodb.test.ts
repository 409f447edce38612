import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startDynamoDb } from '../src/dynamodb.ts';
import type { StandIn } from '../src/sqs.ts';

let dataDir: string;
let dynamodb: StandIn;
let client: DynamoDBClient;

async function start(): Promise<void> {
  dynamodb = await startDynamoDb({ dataDir });
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  client = new DynamoDBClient({ endpoint: dynamodb.url, region: 'us-east-1', credentials });
}

async function stop(): Promise<void> {
  client.destroy();
  await dynamodb.close();
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'stowage-dynamodb-'));
  await start();
  await client.send(
    new CreateTableCommand({
      TableName: 'things',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true, force: true });
});

test('it listens on loopback', () => {
  expect(new URL(dynamodb.url).hostname).toBe('127.0.0.1');
});

test('tables and items are kept over restarts, one right after another', async () => {
  const Item = { pk: { S: 'a' }, size: { N: '3' } };
  await client.send(new PutItemCommand({ TableName: 'things', Item }));
  for (let restart = 0; restart < 3; restart++) {
    await stop();
    await start();
  }
  const command = new GetItemCommand({ TableName: 'things', Key: { pk: { S: 'a' } }, ConsistentRead: true });
  expect((await client.send(command)).Item).toEqual(Item);
});

test('a condition that does not hold is refused', async () => {
  const put = new PutItemCommand({
    TableName: 'things',
    Item: { pk: { S: 'a' } },
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  await client.send(put);
  await expect(client.send(put)).rejects.toThrow(
    expect.objectContaining({ name: 'ConditionalCheckFailedException' }),
  );
});
