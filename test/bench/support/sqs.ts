import { fork } from 'node:child_process';
import { once } from 'node:events';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createProducer } from '../../../packages/queue/src/index.ts';

export interface BenchSqs {
  pollClient: SQSClient;
  actClient: SQSClient;
  /** Makes a queue with a message for each body. @returns its URL */
  fill: (bodies: readonly number[]) => Promise<string>;
  close: () => void;
}

/** Starts an SQS in a process of its own. */
export async function startBenchSqs(): Promise<BenchSqs> {
  const sqs = fork(new URL('sqs-process.ts', import.meta.url));
  const [endpoint] = (await once(sqs, 'message')) as [string];
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const connect = () => new SQSClient({ endpoint, region: 'us-east-1', credentials });
  const [pollClient, actClient] = [connect(), connect()];
  let queues = 0;

  return {
    pollClient,
    actClient,
    async fill(bodies) {
      const queueUrl = await createQueue(actClient, `bench-${++queues}`);
      await createProducer<number>({ queueUrl, client: actClient }).sendAll(bodies);
      return queueUrl;
    },
    close() {
      for (const client of [pollClient, actClient]) client.destroy();
      sqs.disconnect();
    },
  };
}

/** Makes a queue as the consumer needs it: with a dead-letter queue. @returns its URL */
export async function createQueue(client: SQSClient, name: string): Promise<string> {
  await client.send(new CreateQueueCommand({ QueueName: `${name}-dlq` }));
  const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${name}-dlq`;
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 });
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { VisibilityTimeout: '60', RedrivePolicy } }),
  );
  return QueueUrl;
}
