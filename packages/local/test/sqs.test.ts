import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StandIn, startSqs } from '../src/sqs.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

let sqs: StandIn;
let client: SQSClient;
let queueUrl: string;

beforeEach(async () => {
  sqs = await startSqs();
  client = new SQSClient({
    endpoint: sqs.url,
    region: 'us-east-1',
    credentials,
  });
  const created = await client.send(new CreateQueueCommand({ QueueName: 'work' }));
  queueUrl = created.QueueUrl ?? '';
});
afterEach(() => sqs.close());

test('queue URLs are on the host that the caller used, on loopback', () => {
  expect(queueUrl).toBe(`${sqs.url}/000000000000/work`);
  expect(new URL(sqs.url).hostname).toBe('127.0.0.1');
});

test('a long poll that was given up does not swallow the next message', async () => {
  const abort = new AbortController();
  const poll = new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 20 });
  const given = client.send(poll, { abortSignal: abort.signal }).catch((error: unknown) => error);
  await sleep(100);
  abort.abort();
  await given;
  await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'hello' }));
  const next = await client.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 5 }));
  expect(next.Messages?.[0]?.Body).toBe('hello');
});

test('a message that is made visible at once is not lost where messages are kept', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'stowage-sqs-'));
  const kept = await startSqs({ dataDir });
  const sender = new SQSClient({ endpoint: kept.url, region: 'us-east-1', credentials });
  const { QueueUrl } = await sender.send(new CreateQueueCommand({ QueueName: 'kept' }));
  await sender.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
  const first = await sender.send(new ReceiveMessageCommand({ QueueUrl }));
  const ReceiptHandle = first.Messages?.[0]?.ReceiptHandle;
  await sender.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
  const second = await sender.send(new ReceiveMessageCommand({ QueueUrl }));
  expect(second.Messages?.[0]?.Body).toBe('hello');
  await kept.close();
  rmSync(dataDir, { recursive: true });
});
