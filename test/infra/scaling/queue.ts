import type { Published, Service } from './simulate.ts';

export const VISIBLE = 'AWS/SQS ApproximateNumberOfMessagesVisible Average';
export const IN_FLIGHT = 'AWS/SQS ApproximateNumberOfMessagesNotVisible Average';
export const DELETED = 'AWS/SQS NumberOfMessagesDeleted Sum';
/** As many samples a minute as there are tasks. */
export const TASKS = 'AWS/ECS CPUUtilization SampleCount';

/** Messages that a worker works on at a time, and how many it finishes in a minute: two seconds each. */
const SLOTS = 2;
export const FINISHED_PER_TASK = 60;

/**
 * SQS says nothing of a queue that nobody used for six hours, and takes up to a quarter of an hour to begin again
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-monitoring-using-cloudwatch.html).
 */
const ASLEEP_MINUTES = 6 * 60;
const AWAKE_MINUTES = 15;

/**
 * A queue and its workers.
 *
 * @param options.waiting messages to begin with
 * @param options.arriving how many messages come in a minute
 * @param options.finishedPerTask how many a worker finishes in a minute
 * @param options.unknown whether CloudWatch has nothing of a minute
 */
export function queue(options: {
  waiting?: number;
  arriving?: (minute: number) => number;
  finishedPerTask?: number;
  unknown?: (minute: number) => boolean;
}): Service {
  const { arriving = () => 0, finishedPerTask = FINISHED_PER_TASK, unknown = () => false } = options;
  let messages = options.waiting ?? 0;
  let usedAt = 0;
  let awakeAt = 0;

  return {
    minute(minute, running): Published {
      const arrived = arriving(minute);
      const deleted = Math.min(messages + arrived, running * finishedPerTask);
      messages += arrived - deleted;
      const inFlight = Math.min(messages, running * SLOTS);
      // Who waits for messages uses the queue, too.
      const used = arrived > 0 || messages > 0 || running > 0;
      const asleep = minute - usedAt > ASLEEP_MINUTES;
      if (used && asleep) awakeAt = minute + AWAKE_MINUTES;
      if (used) usedAt = minute;
      const reported = !unknown(minute) && minute >= awakeAt && (used || !asleep);
      return {
        [VISIBLE]: reported ? messages - inFlight : undefined,
        [IN_FLIGHT]: reported ? inFlight : undefined,
        [DELETED]: reported ? deleted : undefined,
        // No task gives no sample.
        [TASKS]: running > 0 && !unknown(minute) ? running : undefined,
      };
    },
  };
}
