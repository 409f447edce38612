/*
 * Throughput of the consumer against the embedded SQS: `node test/bench/consumer.ts [rounds]`.
 *
 * Uneven work: handlers that wait for lognormal times, in ten slots, next to `sqs-consumer` with ten messages a receive.
 * No work: handlers that return at once, next to a loop of the same SDK calls with as many pollers, one after the other.
 *
 * SQS is a process of its own. The contenders take turns, each with a new queue of the same messages.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { Consumer } from 'sqs-consumer';
import { startSqs } from '../../packages/local/src/sqs.ts';
import { createProducer, startConsumer } from '../../packages/queue/src/index.ts';

const SLOTS = 10;
const SIGMA = 1.5;
const MEDIAN_MS = 10;

interface Work {
  /** How long each message is worked on, in milliseconds. */
  durations: (round: number) => number[];
  /** How many are to be handled; with more in the queue, one long message at the end does not make up half of the time. */
  count: number;
  pollers: number;
  rounds: number;
}

interface Figures {
  /** Messages a second. */
  speed: number;
  /** CPU time of this process for each message, in microseconds. */
  cpu: number;
}

interface Run {
  queueUrl: string;
  pollers: number;
  /** To be called when a handler ends. */
  onHandled: () => void;
}

/** Starts to handle a queue's messages, whose bodies say for how many milliseconds; returns what stops that. */
type Contender = (run: Run) => () => Promise<unknown>;

if (process.send) {
  process.on('disconnect', () => process.exit());
  process.send((await startSqs()).url);
} else {
  await main(Number(process.argv[2] ?? 5));
}

async function main(rounds: number): Promise<void> {
  const sqs = fork(import.meta.filename);
  const [endpoint] = (await once(sqs, 'message')) as [string];
  const credentials = { accessKeyId: 'bench', secretAccessKey: 'bench' };
  const connect = () => new SQSClient({ endpoint, region: 'us-east-1', credentials });
  const pollClient = connect();
  const actClient = connect();

  const ours: Contender = ({ queueUrl, pollers, onHandled }) => {
    const consumer = startConsumer<number>({
      queueUrl,
      pollClient,
      actClient,
      parse: Number,
      log: pino({ level: 'warn' }),
      registry: new Registry(),
      concurrency: SLOTS * pollers,
      pollers,
      waitTimeSeconds: 1,
      handle: async (ms, { signal }) => {
        if (ms > 0) await sleep(ms, undefined, { signal });
        onHandled();
      },
    });
    return () => consumer.stop(0);
  };

  const sqsConsumer: Contender = ({ queueUrl, onHandled }) => {
    const consumer = Consumer.create({
      queueUrl,
      sqs: actClient,
      batchSize: SLOTS,
      waitTimeSeconds: 1,
      handleMessage: async (message) => {
        await sleep(Number(message.Body));
        onHandled();
        return message;
      },
    });
    consumer.on('error', () => {}); // of the deletes that stop aborts
    consumer.start();
    return async () => consumer.stop({ abort: true });
  };

  const bareLoop: Contender = ({ queueUrl: QueueUrl, pollers, onHandled }) => {
    const stopping = new AbortController();
    async function loop(): Promise<void> {
      while (!stopping.signal.aborted) {
        const { Messages = [] } = await pollClient.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: SLOTS,
            WaitTimeSeconds: 1,
            MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) continue;
        for (const _ of Messages) onHandled();
        const Entries = Messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
        await actClient.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      }
    }
    const loops = Promise.all(Array.from({ length: pollers }, loop));
    return () => {
      stopping.abort();
      return loops;
    };
  };

  let queues = 0;
  async function createQueue(durations: number[]): Promise<string> {
    const name = `bench-${++queues}`;
    await actClient.send(new CreateQueueCommand({ QueueName: `${name}-dlq` }));
    const deadLetterTargetArn = `arn:aws:sqs:us-east-1:000000000000:${name}-dlq`;
    const { QueueUrl: queueUrl = '' } = await actClient.send(
      new CreateQueueCommand({
        QueueName: name,
        Attributes: {
          VisibilityTimeout: '60',
          RedrivePolicy: JSON.stringify({ deadLetterTargetArn, maxReceiveCount: 5 }),
        },
      }),
    );
    await createProducer<number>({ queueUrl, client: actClient }).sendAll(durations);
    return queueUrl;
  }

  async function measure(
    contender: Contender,
    { durations, count, pollers }: Work,
    round: number,
  ): Promise<Figures> {
    const queueUrl = await createQueue(durations(round));
    const done = Promise.withResolvers<void>();
    let handled = 0;
    const onHandled = (): void => {
      if (++handled === count) done.resolve();
    };
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    const stop = contender({ queueUrl, pollers, onHandled });
    await done.promise;
    const { user, system } = process.cpuUsage(cpuBefore);
    const seconds = (performance.now() - startedAt) / 1_000;
    await stop();
    return { speed: count / seconds, cpu: (user + system) / count };
  }

  /** Prints the medians of the rounds, and of their ratios. */
  async function compare(title: string, work: Work, name: string, other: Contender): Promise<void> {
    const pairs: [Figures, Figures][] = [];
    for (let round = 0; round <= work.rounds; round++) {
      const before = round % 2 === 0 ? undefined : await measure(other, work, round);
      const own = await measure(ours, work, round);
      pairs.push([own, before ?? (await measure(other, work, round))]);
    }
    pairs.shift(); // The first round warms up.
    console.log(`\n${title}`);
    printSide(
      '@stowage/queue',
      pairs.map(([own]) => own),
    );
    printSide(
      name,
      pairs.map(([, others]) => others),
    );
    console.log(
      `  ratio            ${summary(
        pairs.map(([own, others]) => own.speed / others.speed),
        2,
      )}`,
    );
  }

  const mean = MEDIAN_MS * Math.exp(SIGMA ** 2 / 2);
  const most = ((SLOTS * 1_000) / mean).toFixed(0);
  const uneven = { durations: (round: number) => lognormal(600, round), count: 500, pollers: 1, rounds };
  await compare(
    `messages/s with lognormal work of ${mean.toFixed(0)} ms (sigma ${SIGMA}) in ${SLOTS} slots, which do ${most} at most`,
    uneven,
    'sqs-consumer',
    sqsConsumer,
  );
  for (const pollers of [1, 4]) {
    const durations = () => Array.from({ length: 2_000 }, () => 0);
    const none = { durations, count: 2_000, pollers, rounds: 3 * rounds };
    await compare(`messages/s without work, pollers: ${pollers}`, none, 'bare SDK loop', bareLoop);
  }
  for (const client of [pollClient, actClient]) client.destroy();
  sqs.disconnect();
}

/** The same durations in every run: Park and Miller's generator, and Box and Muller's way to normal numbers. */
function lognormal(count: number, seed: number): number[] {
  let state = 1 + seed * 7_919;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, () => Math.round(MEDIAN_MS * Math.exp(SIGMA * normal())));
}

function median(figures: number[]): number {
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN;
}

function summary(figures: number[], digits: number): string {
  const [least, most] = [Math.min(...figures), Math.max(...figures)].map((figure) => figure.toFixed(digits));
  return `${median(figures).toFixed(digits).padStart(6)}   (${least} to ${most})`;
}

function printSide(name: string, figures: Figures[]): void {
  const speed = summary(
    figures.map((figure) => figure.speed),
    0,
  );
  const cpu = median(figures.map((figure) => figure.cpu)).toFixed(0);
  console.log(`  ${name.padEnd(16)} ${speed.padEnd(26)} ${cpu} µs of CPU a message`);
}
