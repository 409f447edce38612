import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { callLimit } from './sqs-calls.ts';

/** What the consumer takes from the queue itself, so that it never drifts from the infrastructure. */
export interface QueueSettings {
  /** The queue's visibility timeout: how long a received message is ours before it must be extended. */
  leaseSeconds: number;
  /** Deliveries a message gets before SQS moves it to the dead-letter queue. */
  maxReceiveCount: number;
  deadLetterUrl: string;
}

/**
 * Reads the queue's settings.
 *
 * @throws Error when the queue has no redrive policy or no visibility timeout; whatever the SDK throws
 */
export async function readQueueSettings(client: SQSClient, queueUrl: string): Promise<QueueSettings> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['RedrivePolicy', 'VisibilityTimeout'],
    }),
    callLimit(),
  );
  const leaseSeconds = Number(Attributes?.VisibilityTimeout ?? 0);
  if (leaseSeconds === 0) {
    throw new Error(`${queueUrl} has a visibility timeout of 0: set it to 30 s or more`);
  }
  const policy = JSON.parse(Attributes?.RedrivePolicy ?? '{}') as RedrivePolicy;
  const [account, name] = policy.deadLetterTargetArn?.split(':').slice(4) ?? [];
  if (name === undefined) {
    throw new Error(
      `${queueUrl} has no redrive policy: give it a dead-letter queue, as poison needs somewhere to go`,
    );
  }
  const { QueueUrl = '' } = await client.send(
    new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
    callLimit(),
  );
  return { leaseSeconds, maxReceiveCount: Number(policy.maxReceiveCount), deadLetterUrl: QueueUrl };
}

interface RedrivePolicy {
  deadLetterTargetArn?: string;
  maxReceiveCount?: number | string;
}
