import { type Message, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { callLimit } from './sqs-calls.ts';

/** Attributes that SQS allows a message. */
const MAX_ATTRIBUTES = 10;
const MAX_REASON_LENGTH = 1_000;
/** What SQS refuses in a body or an attribute: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu;

/**
 * Sends a copy of the message to its dead-letter queue, with its own attributes (the first nine) and `reason`.
 *
 * @throws whatever the SDK throws; a body that fills SQS's 1 MiB leaves no room for the reason and is refused
 */
export async function sendToDeadLetters(
  client: SQSClient,
  deadLetterUrl: string,
  message: Message,
  reason: string,
): Promise<void> {
  const { reason: _, ...own } = message.MessageAttributes ?? {};
  const text = reason.slice(0, MAX_REASON_LENGTH).replaceAll(FORBIDDEN, '\u{FFFD}') || 'poison';
  await client.send(
    new SendMessageCommand({
      QueueUrl: deadLetterUrl,
      MessageBody: message.Body,
      MessageAttributes: {
        ...Object.fromEntries(Object.entries(own).slice(0, MAX_ATTRIBUTES - 1)),
        reason: { DataType: 'String', StringValue: text },
      },
    }),
    callLimit(),
  );
}
