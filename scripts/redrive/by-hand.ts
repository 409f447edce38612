import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Queues } from './queues.ts';

/** What SQS hands out and takes at once, at most. */
const BATCH = 10;

/**
 * Moves the messages one batch after the other, for emulators that know no move tasks. Each is deleted only once it has
 * been sent, so that none is lost wherever this is cut off. Those that come back meanwhile stay.
 *
 * @returns how many were moved
 * @throws when a message is refused; it and those after it are still in the dead-letter queue
 */
export async function moveByHand(
  sqs: SQSClient,
  { load, deadLetters }: Queues,
  progress: (moved: number) => void,
): Promise<number> {
  let moved = 0;
  while (moved < deadLetters.count) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: deadLetters.url,
        MaxNumberOfMessages: Math.min(BATCH, deadLetters.count - moved),
        MessageAttributeNames: ['All'],
        WaitTimeSeconds: 1,
      }),
    );
    if (Messages.length === 0) break;
    await move(sqs, Messages, deadLetters.url, load.url);
    moved += Messages.length;
    progress(moved);
  }
  return moved;
}

async function move(sqs: SQSClient, messages: readonly Message[], from: string, to: string): Promise<void> {
  const sent = await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: to,
      Entries: messages.map(({ Body, MessageAttributes }, i) => ({
        Id: String(i),
        MessageBody: Body,
        MessageAttributes,
      })),
    }),
  );
  const arrived = (sent.Successful ?? []).flatMap(({ Id = '' }) => messages[Number(Id)] ?? []);
  if (arrived.length > 0) {
    const Entries = arrived.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: from, Entries }));
  }
  const [refused] = sent.Failed ?? [];
  if (refused) throw new Error(`a message could not be moved: ${refused.Message ?? refused.Code}`);
}
