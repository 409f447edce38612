import { randomUUID } from 'node:crypto';
import { DeleteCommand, GetCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { IdempotencyState, IdempotencyStore, StoredResponse } from './idempotency-store.ts';

export interface DynamoDbIdempotencyStoreOptions {
  readonly client: DynamoDBDocumentClient;
  /** A table with string keys `pk` and `sk`; its TTL attribute must be `expiresAt`. Other items may live in it. */
  readonly tableName: string;
  /** Seconds for which an answer is kept. Default 86,400. */
  readonly ttlSeconds?: number;
  /** Milliseconds after which a request that never ended may be run anew: longer than any handler runs. Default 30,000. */
  readonly leaseMs?: number;
}

/** An item holds 400 KB (Amazon DynamoDB quotas); this leaves room for everything but the body. */
const MAX_BODY_BYTES = 350 * 1024;
/** Between the refused put and the read the item may vanish. More than twice in a row is no accident. */
const ATTEMPTS = 3;

/** How an item looks. Times as they are used: DynamoDB's TTL takes epoch seconds, the lease needs milliseconds. */
interface Item {
  readonly pk: string;
  readonly sk: string;
  readonly status: 'in_progress' | 'completed';
  readonly fingerprint: string;
  readonly lease: string;
  readonly inProgressUntil: number;
  readonly expiresAt: number;
  readonly response?: StoredResponse;
}

/**
 * Idempotency keys in DynamoDB, with the conditions of Powertools for AWS Lambda. A key may be taken when
 *
 *     there is no item · or it expired (TTL deletes late) · or its request is in progress and its lease has ended
 *
 * which one conditional put decides. The lease, new at each taking, is the condition of everything that follows: a
 * request that comes back after its lease ended changes nothing any more.
 */
export function dynamoDbIdempotencyStore(options: DynamoDbIdempotencyStoreOptions): IdempotencyStore {
  const { client, tableName: TableName, ttlSeconds = 86_400, leaseMs = 30_000 } = options;
  const keyOf = (key: string) => ({ pk: `idempotency#${key}`, sk: 'idempotency' });
  const ifHeldBy = (lease: string) => ({
    ConditionExpression: 'lease = :lease',
    ExpressionAttributeValues: { ':lease': lease },
  });

  async function take(key: string, fingerprint: string, lease: string, now: number): Promise<boolean> {
    const seconds = Math.floor(now / 1000);
    const item: Item = {
      ...keyOf(key),
      status: 'in_progress',
      fingerprint,
      lease,
      inProgressUntil: now + leaseMs,
      expiresAt: seconds + ttlSeconds,
    };
    const put = new PutCommand({
      TableName,
      Item: item,
      ConditionExpression:
        'attribute_not_exists(pk) OR expiresAt <= :seconds OR (#status = :inProgress AND inProgressUntil <= :now)',
      ExpressionAttributeNames: { '#status': 'status' },
      ExpressionAttributeValues: { ':seconds': seconds, ':inProgress': 'in_progress', ':now': now },
    });
    return (await unlessRefused(client.send(put))) !== null;
  }

  async function read(key: string): Promise<Item | undefined> {
    const { Item } = await client.send(new GetCommand({ TableName, Key: keyOf(key), ConsistentRead: true }));
    return Item as Item | undefined;
  }

  async function abandon(key: string, lease: string): Promise<void> {
    await unlessRefused(client.send(new DeleteCommand({ TableName, Key: keyOf(key), ...ifHeldBy(lease) })));
  }

  return {
    abandon,

    async begin(key, fingerprint, now): Promise<IdempotencyState> {
      const lease = randomUUID();
      for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
        if (await take(key, fingerprint, lease, now)) return { state: 'started', lease };
        const item = await read(key);
        if (item === undefined) continue;
        // The SDK sent the put again when the answer to the first was lost, and was refused for the item of that one.
        if (item.lease === lease) return { state: 'started', lease };
        if (item.fingerprint !== fingerprint) return { state: 'mismatch' };
        return item.response === undefined
          ? { state: 'in_progress' }
          : { state: 'completed', response: item.response };
      }
      return { state: 'in_progress' };
    },

    async complete(key, lease, response) {
      if (Buffer.byteLength(response.body) > MAX_BODY_BYTES) return abandon(key, lease);
      const { ConditionExpression, ExpressionAttributeValues } = ifHeldBy(lease);
      const update = new UpdateCommand({
        TableName,
        Key: keyOf(key),
        UpdateExpression: 'SET #status = :completed, #response = :response',
        ConditionExpression,
        ExpressionAttributeNames: { '#status': 'status', '#response': 'response' },
        ExpressionAttributeValues: {
          ...ExpressionAttributeValues,
          ':completed': 'completed',
          ':response': response,
        },
      });
      await unlessRefused(client.send(update));
    },
  };
}

/** The result, or null if DynamoDB refused the write because its condition does not hold. */
async function unlessRefused<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return null;
    throw error;
  }
}
