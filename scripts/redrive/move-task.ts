import { setTimeout as sleep } from 'node:timers/promises';
import {
  ListMessageMoveTasksCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import type { Queues } from './queues.ts';

/**
 * Has SQS move the messages, which then are not lost even if this program is.
 *
 * @returns about how many were moved
 * @throws when SQS gives up, and what `isUnsupported` knows when there is no such thing
 */
export async function moveByTask(
  sqs: SQSClient,
  { load, deadLetters }: Queues,
  progress: (moved: number) => void,
): Promise<number> {
  await sqs.send(
    // The destination is named, as messages that the worker put there itself have no source that SQS knows.
    new StartMessageMoveTaskCommand({ SourceArn: deadLetters.arn, DestinationArn: load.arn }),
  );
  for (;;) {
    const { Results = [] } = await sqs.send(
      new ListMessageMoveTasksCommand({ SourceArn: deadLetters.arn, MaxResults: 1 }),
    );
    const { Status, ApproximateNumberOfMessagesMoved: moved = 0, FailureReason } = Results[0] ?? {};
    if (Status === 'COMPLETED') return moved;
    if (Status !== 'RUNNING')
      throw new Error(`SQS stopped moving after ${moved} messages: ${FailureReason ?? Status}`);
    progress(moved);
    await sleep(2_000);
  }
}

/** Whether an emulator of SQS does not know move tasks. */
export function isUnsupported(error: unknown): boolean {
  const { name = '', message = '' } = error as { name?: string; message?: string };
  return /UnsupportedOperation|UnknownOperation|InvalidAction|NotImplemented/.test(`${name} ${message}`);
}
