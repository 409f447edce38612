/*
 * `npm run redrive -- dev`: moves what is in an environment's dead-letter queue back to its load queue, to be worked on
 * once more after what was wrong is mended. Without an environment it is the queue of QUEUE_URL, or of the stack that
 * `npm start` runs here. A message may arrive twice, as any may: its work is done once.
 */
import { createAwsClients } from '@stowage/runtime';
import { deadLettersOf, findQueue, loadQueueName } from './redrive/queues.ts';
import { moveByHand } from './redrive/by-hand.ts';
import { isUnsupported, moveByTask } from './redrive/move-task.ts';
import { runningState } from './start/state.ts';

const [environment] = process.argv.slice(2);
if (environment === undefined && !process.env['QUEUE_URL'])
  Object.assign(process.env, runningState()?.environment);
process.env['AWS_REGION'] ||= process.env['AWS_DEFAULT_REGION'];

const { sqs, close } = createAwsClients();
try {
  const url =
    environment === undefined ? process.env['QUEUE_URL'] : await findQueue(sqs, loadQueueName(environment));
  if (!url) throw new Error('say which environment: npm run redrive -- dev|staging|production');
  const queues = await deadLettersOf(sqs, url);
  console.error(`${queues.deadLetters.count} messages are in ${queues.deadLetters.url}`);
  const progress = (moved: number) => console.error(`  ${moved} moved`);
  const moved = await moveByTask(sqs, queues, progress).catch((error: unknown) => {
    if (!isUnsupported(error)) throw error;
    return moveByHand(sqs, queues, progress);
  });
  console.error(`${moved} are back in ${queues.load.url}`);
} catch (error) {
  console.error(`redrive: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  close();
}
