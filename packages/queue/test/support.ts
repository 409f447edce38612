import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startSqs } from '@stowage/local';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, vi } from 'vitest';
import { type ConsumerOptions, startConsumer } from '../src/index.ts';

export const silent = pino({ level: 'silent' });

/** Waits until `check` does not throw; long enough for a busy machine. */
export function waitFor(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 20_000, interval: 20 });
}

/** One stand-in a test file, and a queue with its dead-letter queue for each test. */
export async function standIn() {
  const sqs = await startSqs();
  const clients: SQSClient[] = [];
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await sqs.close();
  });

  function connect(): SQSClient {
    const client = new SQSClient({
      endpoint: sqs.url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    clients.push(client);
    return client;
  }

  const client = connect();
  let queues = 0;

  async function createQueue({ visibilityTimeout = 30, maxReceiveCount = 3 } = {}) {
    const name = `work-${++queues}`;
    const dead = await client.send(new CreateQueueCommand({ QueueName: `${name}-dlq` }));
    const created = await client.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: {
          VisibilityTimeout: String(visibilityTimeout),
          RedrivePolicy: JSON.stringify({
            deadLetterTargetArn: `arn:aws:sqs:us-east-1:000000000000:${name}-dlq`,
            maxReceiveCount,
          }),
        },
      }),
    );
    const queueUrl = created.QueueUrl ?? '';
    const deadLetterUrl = dead.QueueUrl ?? '';

    return {
      queueUrl,
      deadLetterUrl,
      send: async (...bodies: string[]): Promise<void> => {
        for (const body of bodies) {
          await client.send(
            new SendMessageCommand({
              QueueUrl: queueUrl,
              MessageBody: body,
              MessageAttributes: { tenant: { DataType: 'String', StringValue: 'acme' } },
            }),
          );
        }
      },
      /** Starts a consumer of plain-text messages that stops at once when its scope ends. */
      consume(options: Pick<ConsumerOptions<string>, 'handle'> & Partial<ConsumerOptions<string>>) {
        const registry = new Registry();
        const consumer = startConsumer<string>({
          queueUrl,
          pollClient: connect(),
          actClient: connect(),
          parse: (body) => body,
          log: silent,
          registry,
          waitTimeSeconds: 1,
          backoffSeconds: { base: 0, cap: 0 },
          ...options,
        });
        return {
          ...consumer,
          registry,
          async [Symbol.asyncDispose]() {
            await consumer.stop(0);
          },
        };
      },
      /** Messages in the queue, in flight or not. */
      async depth(): Promise<number> {
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({
            QueueUrl: queueUrl,
            AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
          }),
        );
        return Object.values(Attributes).reduce((sum, count) => sum + Number(count), 0);
      },
      /** Takes a message that is visible, or becomes so within the wait. */
      receive: (waitSeconds = 0) => take(queueUrl, waitSeconds),
      receiveDead: (waitSeconds = 20) => take(deadLetterUrl, waitSeconds),
    };
  }

  async function take(url: string, waitSeconds: number): Promise<Message | undefined> {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: url,
        WaitTimeSeconds: waitSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    const [message] = Messages;
    if (message)
      await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: message.ReceiptHandle }));
    return message;
  }

  return { connect, createQueue };
}

type Call = { command: string; input: Record<string, unknown> };

/**
 * Puts `fault` between the client and SQS. It may throw, return an output of its own, or nothing to let the call
 * through.
 */
export function intercept(
  client: SQSClient,
  fault: (call: Call) => object | undefined | Promise<object | undefined>,
) {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const call = { command: String(context.commandName).replace('Command', ''), input: { ...args.input } };
      const output = await fault(call);
      return output ? { response: {}, output: output as never } : next(args);
    },
    { step: 'initialize' },
  );
}

/** Records the calls that a client makes. */
export function record(client: SQSClient): Call[] {
  const calls: Call[] = [];
  intercept(client, (call) => {
    calls.push(call);
    return undefined;
  });
  return calls;
}

/** The value of a counter or gauge, over all labels or those given. */
export async function metric(
  registry: Registry,
  name: string,
  labels: Record<string, string> = {},
): Promise<number> {
  const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
  return values
    .filter((value) => Object.entries(labels).every(([label, wanted]) => value.labels[label] === wanted))
    .reduce((sum, { value }) => sum + value, 0);
}
