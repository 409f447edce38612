import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startSqs } from '@stowage/local';
import { expect, test } from 'vitest';
import { Fault } from '../pipeline/aws/fault.ts';
import { serveAws, type Service } from '../pipeline/aws/server.ts';
import { run } from '../pipeline/run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const DEAD_ARN = 'arn:aws:sqs:us-east-1:000000000000:stowage-dev-load-dead';
const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };

const redrive = (endpoint: string, variables: Record<string, string>, ...args: string[]) =>
  run('node', {
    cwd: root,
    env: { ...env, ...variables, AWS_ENDPOINT_URL: endpoint },
    args: ['scripts/redrive.ts', ...args],
  });

/** Redrives `dev` at an SQS that has its two queues, so many dead letters, and these operations. */
async function redriveAt(deadLetters: number, operations: Service) {
  const Attributes = {
    QueueArn: 'load',
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: DEAD_ARN }),
    ApproximateNumberOfMessages: String(deadLetters),
  };
  let endpoint = '';
  const aws = await serveAws({
    hosts: ['127.0.0.1'],
    services: {
      sqs: {
        GetQueueUrl: ({ QueueName }: { QueueName: string }) => ({ QueueUrl: `${endpoint}/${QueueName}` }),
        GetQueueAttributes: () => ({ Attributes }),
        ...operations,
      },
    },
  });
  endpoint = `http://127.0.0.1:${aws.port}`;
  const result = await redrive(endpoint, {}, 'dev');
  await aws.close();
  return { endpoint, ...result };
}

test('SQS itself moves the messages, to the queue that is named', async () => {
  const started: unknown[] = [];
  const states = [
    { Status: 'RUNNING', ApproximateNumberOfMessagesMoved: 1 },
    { Status: 'COMPLETED', ApproximateNumberOfMessagesMoved: 3 },
  ];
  const { endpoint, status, output } = await redriveAt(3, {
    StartMessageMoveTask: (input: object) => void started.push(input),
    ListMessageMoveTasks: () => ({ Results: [states.shift()] }),
  });

  expect(output).toContain(`3 are back in ${endpoint}/stowage-dev-load`);
  expect(status).toBe(0);
  expect(started).toEqual([{ SourceArn: DEAD_ARN, DestinationArn: 'load' }]);
});

test('where SQS is the embedded one, the messages are moved one by one', async () => {
  const standIn = await startSqs();
  const sqs = new SQSClient({
    endpoint: standIn.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const create = async (name: string, Attributes: Record<string, string> = {}) =>
    (await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl ?? '';
  const dead = await create('stowage-dev-load-dead');
  const load = await create('stowage-dev-load', {
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: DEAD_ARN, maxReceiveCount: 5 }),
  });
  const bodies = Array.from({ length: 23 }, (_, i) => `message ${i}`);
  const tenant = { DataType: 'String', StringValue: 'local' };
  for (const MessageBody of bodies) {
    await sqs.send(new SendMessageCommand({ QueueUrl: dead, MessageBody, MessageAttributes: { tenant } }));
  }

  const { status, output } = await redrive(standIn.url, { QUEUE_URL: load });

  expect(output).toContain(`23 are back in ${load}`);
  expect(status).toBe(0);
  const messages = await receiveAll(sqs, load);
  expect(messages.map(({ Body = '' }) => Body).toSorted()).toEqual(bodies.toSorted());
  expect(
    messages.every(({ MessageAttributes }) => MessageAttributes?.['tenant']?.StringValue === 'local'),
  ).toBe(true);
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['All'] }),
  );
  expect(Attributes).toMatchObject({
    ApproximateNumberOfMessages: '0',
    ApproximateNumberOfMessagesNotVisible: '0',
  });
  sqs.destroy();
  await standIn.close();
});

test('a message that is refused stays where it is', async () => {
  const deleted: unknown[] = [];
  const messages = ['a', 'b'].map((id) => ({
    MessageId: id,
    ReceiptHandle: `handle-${id}`,
    Body: id,
    MD5OfBody: md5(id),
  }));
  const { status, output } = await redriveAt(2, {
    StartMessageMoveTask() {
      throw new Fault('UnsupportedOperation', 'not here');
    },
    ReceiveMessage: () => ({ Messages: messages }),
    SendMessageBatch: () => ({
      Successful: [{ Id: '1', MessageId: 'new', MD5OfMessageBody: md5('b') }],
      Failed: [{ Id: '0', Code: 'InternalError', Message: 'try later', SenderFault: false }],
    }),
    DeleteMessageBatch: ({ Entries }: { Entries: { ReceiptHandle: string }[] }) => {
      deleted.push(...Entries.map(({ ReceiptHandle }) => ReceiptHandle));
      return { Successful: Entries, Failed: [] };
    },
  });

  expect(status).toBe(1);
  expect(output).toContain('a message could not be moved: try later');
  expect(deleted).toEqual(['handle-b']);
});

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

async function receiveAll(sqs: SQSClient, QueueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
  }
}
