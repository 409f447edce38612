import { GetQueueAttributesCommand, GetQueueUrlCommand, type SQSClient } from '@aws-sdk/client-sqs';

export interface Queues {
  load: { url: string; arn: string };
  /** `count` is about how many it had when it was looked at. */
  deadLetters: { url: string; arn: string; count: number };
}

/** As infra/storage.yml names it. */
export const loadQueueName = (environment: string): string => `stowage-${environment}-load`;

/** @throws when the account, in this region, has no queue of that name */
export async function findQueue(sqs: SQSClient, name: string): Promise<string> {
  const { QueueUrl = '' } = await sqs
    .send(new GetQueueUrlCommand({ QueueName: name }))
    .catch((cause: unknown) => {
      throw new Error(`there is no queue ${name} for these credentials and this region: ${String(cause)}`, {
        cause,
      });
    });
  return QueueUrl;
}

/** A queue and its dead-letter queue. @throws when it has none */
export async function deadLettersOf(sqs: SQSClient, url: string): Promise<Queues> {
  const { QueueArn = '', RedrivePolicy = '{}' } = await attributesOf(sqs, url);
  const { deadLetterTargetArn: arn } = JSON.parse(RedrivePolicy) as { deadLetterTargetArn?: string };
  if (arn === undefined) throw new Error(`${url} has no dead-letter queue`);
  const deadUrl = await findQueue(sqs, arn.slice(arn.lastIndexOf(':') + 1));
  const { ApproximateNumberOfMessages = '0' } = await attributesOf(sqs, deadUrl);
  return {
    load: { url, arn: QueueArn },
    deadLetters: { url: deadUrl, arn, count: Number(ApproximateNumberOfMessages) },
  };
}

async function attributesOf(sqs: SQSClient, url: string): Promise<Partial<Record<string, string>>> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }),
  );
  return Attributes;
}
