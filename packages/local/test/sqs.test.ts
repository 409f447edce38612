import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type StandIn, startSqs } from '../src/sqs.ts';

let dataDir: string;
let sqs: StandIn;
let client: SQSClient;
let queueUrl: string;

async function start(): Promise<void> {
  sqs = await startSqs({ dataDir });
  client = new SQSClient({
    endpoint: sqs.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
}

async function stop(): Promise<void> {
  client.destroy();
  await sqs.close();
}

const send = (body: string) => client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body }));

async function receive(waitSeconds = 0) {
  const command = new ReceiveMessageCommand({
    QueueUrl: queueUrl,
    WaitTimeSeconds: waitSeconds,
    MaxNumberOfMessages: 10,
  });
  return (await client.send(command)).Messages ?? [];
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'stowage-sqs-'));
  await start();
  const created = await client.send(new CreateQueueCommand({ QueueName: 'work' }));
  queueUrl = created.QueueUrl ?? '';
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true, force: true });
});

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
  await send('hello');
  expect(await receive(5)).toMatchObject([{ Body: 'hello' }]);
});

test('messages are kept over a restart: unread, being worked on, but not deleted ones', async () => {
  await send('deleted');
  const [first] = await receive();
  await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: first?.ReceiptHandle }));
  await send('worked on');
  const [second] = await receive();
  await send('unread');
  await stop();
  await start();
  expect((await receive()).map(({ Body }) => Body)).toEqual(['unread']);
  // Its receipt is still good, as that of a worker that outlived a restart of the queue would be.
  await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: second?.ReceiptHandle }));
});

test('after a restart the queue is found under the new port, and its old URL still means it', async () => {
  const old = queueUrl;
  await send('kept');
  await stop();
  await start();
  queueUrl = (await client.send(new GetQueueUrlCommand({ QueueName: 'work' }))).QueueUrl ?? '';
  expect(queueUrl).toBe(`${sqs.url}/000000000000/work`);
  expect(queueUrl).not.toBe(old);
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: 'work' }));
  expect(QueueUrl).toBe(queueUrl);
  expect(await receive()).toMatchObject([{ Body: 'kept' }]);
});
