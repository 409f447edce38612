import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Consumer } from 'sqs-consumer';
import { startConsumer } from '../../../packages/queue/src/index.ts';

/** Messages that are worked on at the same time, for each poller. */
export const SLOTS = 10;

export interface Consumption {
  queueUrl: string;
  pollClient: SQSClient;
  actClient: SQSClient;
  pollers: number;
  /** To be called when a message is handled. */
  onHandled: () => void;
}

/** Starts to handle a queue's messages, whose bodies say for how many milliseconds; returns what stops that. */
export type StartConsumer = (consumption: Consumption) => () => Promise<unknown>;

export const ours: StartConsumer = ({ pollers, onHandled, ...queue }) => {
  const consumer = startConsumer<number>({
    ...queue,
    parse: Number,
    log: pino({ level: 'warn' }),
    registry: new Registry(),
    concurrency: SLOTS * pollers,
    pollers,
    waitTimeSeconds: 1,
    handle: async (ms, { signal }) => {
      if (ms > 0) await sleep(ms, undefined, { signal });
      onHandled();
    },
  });
  return () => consumer.stop(0);
};

/** The consumer that most use on Node: it takes the next batch when all of the last one are handled. */
export const sqsConsumer: StartConsumer = ({ queueUrl, actClient, onHandled }) => {
  const consumer = Consumer.create({
    queueUrl,
    sqs: actClient,
    batchSize: SLOTS,
    waitTimeSeconds: 1,
    handleMessage: async (message) => {
      await sleep(Number(message.Body));
      onHandled();
      return message;
    },
  });
  consumer.on('error', () => {}); // of the deletes that stop aborts
  consumer.start();
  return async () => consumer.stop({ abort: true });
};

/** What any consumer must at least do: each poller receives ten messages and deletes them, again and again. */
export const bareLoop: StartConsumer = ({
  queueUrl: QueueUrl,
  pollClient,
  actClient,
  pollers,
  onHandled,
}) => {
  const stopping = new AbortController();
  async function loop(): Promise<void> {
    while (!stopping.signal.aborted) {
      const { Messages = [] } = await pollClient.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: SLOTS,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
          MessageAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0) continue;
      for (const _ of Messages) onHandled();
      const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
      await actClient.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  }
  const loops = Promise.all(Array.from({ length: pollers }, loop));
  return () => {
    stopping.abort();
    return loops;
  };
};
