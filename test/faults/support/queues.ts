import {
  GetQueueAttributesCommand,
  type QueueAttributeName,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Stack } from '@stowage/local';

const COUNTS: QueueAttributeName[] = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
];

/** The stack's two queues, as an operator sees them. */
export interface Queues extends Disposable {
  client: SQSClient;
  load: string;
  deadLetters: string;
  /** Messages in a queue, whether they wait, are delayed or in flight. */
  size: (queueUrl: string) => Promise<number>;
  /** To the load queue. */
  send: (body: string, delaySeconds?: number) => Promise<void>;
}

export function openQueues({ environment, outputs }: Stack): Queues {
  const client = new SQSClient({
    region: environment['AWS_REGION'] ?? '',
    endpoint: environment['AWS_ENDPOINT_URL_SQS'] ?? '',
    credentials: {
      accessKeyId: environment['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: environment['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  const load = outputs['QueueUrl'] ?? '';
  return {
    client,
    load,
    deadLetters: outputs['DeadLetterQueueUrl'] ?? '',
    async size(queueUrl) {
      const command = new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: COUNTS });
      const { Attributes = {} } = await client.send(command);
      return COUNTS.reduce((sum, name) => sum + Number(Attributes[name]), 0);
    },
    async send(body, delaySeconds) {
      const message = { QueueUrl: load, MessageBody: body, DelaySeconds: delaySeconds };
      await client.send(new SendMessageCommand(message));
    },
    [Symbol.dispose]: () => client.destroy(),
  };
}
