import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './server.ts';

/** A queue that stays empty and a table without items: enough for api and worker to find that all is well. */
export const emptyQueue: Service = {
  GetQueueAttributes: () => ({
    Attributes: {
      QueueArn: 'arn:aws:sqs:us-east-1:123456789012:load',
      VisibilityTimeout: '30',
      RedrivePolicy: JSON.stringify({
        deadLetterTargetArn: 'arn:aws:sqs:us-east-1:123456789012:load-dead',
        maxReceiveCount: 5,
      }),
    },
  }),
  GetQueueUrl: ({ QueueName }: { QueueName: string }) => ({ QueueUrl: `http://queue/${QueueName}` }),
  async ReceiveMessage({ WaitTimeSeconds = 0 }: { WaitTimeSeconds?: number }) {
    await sleep(WaitTimeSeconds * 1_000, undefined, { ref: false });
    return {};
  },
};

export const emptyTable: Service = { GetItem: () => ({}) };
