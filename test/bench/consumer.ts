/*
 * How many messages a second the consumer handles, on the embedded SQS. Uneven work: handlers that wait for lognormal
 * times, next to `sqs-consumer`. No work: handlers that return at once, next to a loop of the same SDK calls.
 */
import { bareLoop, ours, SLOTS, sqsConsumer, type StartConsumer } from './peers/consumers.ts';
import { type Benchmark, type Contender, median, spread, table, takeTurns } from './support/benchmark.ts';
import { startBenchSqs } from './support/sqs.ts';

const SIGMA = 1.5;
const MEDIAN_MS = 10;
const MEAN_MS = MEDIAN_MS * Math.exp(SIGMA ** 2 / 2);
const UNEVEN = 250;
const IDLE = 3_000;

export default {
  title: 'Consumer of SQS',
  rounds: 5,
  async run(rounds) {
    const sqs = await startBenchSqs();
    const costs = new Map<string, number[]>();

    /** Messages a second, of a new queue. With more in it than are counted, no long one at the end makes up half of the time. */
    async function measure(
      name: string,
      start: StartConsumer,
      work: number[],
      count: number,
      pollers: number,
    ) {
      const queueUrl = await sqs.fill(work);
      const done = Promise.withResolvers<void>();
      let handled = 0;
      const onHandled = () => void (++handled === count && done.resolve());
      const startedAt = performance.now();
      const before = process.cpuUsage();
      const stop = start({ ...sqs, queueUrl, pollers, onHandled });
      await done.promise;
      const { user, system } = process.cpuUsage(before);
      const seconds = (performance.now() - startedAt) / 1_000;
      await stop();
      costs.set(name, [...(costs.get(name) ?? []), (user + system) / count]);
      return count / seconds;
    }

    const uneven = (name: string, start: StartConsumer): Contender => {
      let seed = 0;
      return () => measure(name, start, lognormal(1.2 * UNEVEN, seed++), UNEVEN, 1);
    };
    const idle =
      (name: string, start: StartConsumer, pollers: number): Contender =>
      () =>
        measure(
          name,
          start,
          Array.from({ length: IDLE }, () => 0),
          IDLE,
          pollers,
        );
    const contenders: Record<string, Contender> = {
      'uneven ours': uneven('uneven ours', ours),
      'uneven theirs': uneven('uneven theirs', sqsConsumer),
    };
    for (const pollers of [1, 4]) {
      for (const [side, start] of Object.entries({ ours, theirs: bareLoop })) {
        contenders[`${pollers} ${side}`] = idle(`${pollers} ${side}`, start, pollers);
      }
    }

    try {
      const { figures, ratios } = await takeTurns(contenders, rounds);
      const row = (name: string, work: string, peer: string, goal: string) => [
        work,
        peer,
        spread(figures(`${name} ours`), 0),
        spread(figures(`${name} theirs`), 0),
        spread(ratios(`${name} ours`, `${name} theirs`), 2),
        goal,
        ...['ours', 'theirs'].map((side) => median(costs.get(`${name} ${side}`)?.slice(1) ?? []).toFixed(0)),
      ];
      const columns = ['work', 'next to', 'messages/s', 'its', 'ratio', 'goal', 'CPU a message, µs', 'its'];
      const most = ((SLOTS * 1_000) / MEAN_MS).toFixed(0);
      return `${table(columns, [
        row('uneven', `lognormal, ${SLOTS} slots`, '`sqs-consumer`', '≥ 3'),
        row('1', 'none, 1 poller', 'bare SDK loop', '≥ 0.9'),
        row('4', 'none, 4 pollers', 'bare SDK loop', '≥ 0.9'),
      ])}

Lognormal work takes ${MEAN_MS.toFixed(0)} ms on average (σ ${SIGMA}), so ${SLOTS} slots do ${most} messages a second at
most. The SQS is the embedded one, in a process of its own; CPU is that of the consumer's process.`;
    } finally {
      sqs.close();
    }
  },
} satisfies Benchmark;

/** The same durations in every run: Park and Miller's generator, and Box and Muller's way to normal numbers. */
function lognormal(count: number, seed: number): number[] {
  let state = 1 + seed * 7_919;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const normal = () => Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return Array.from({ length: count }, () => Math.round(MEDIAN_MS * Math.exp(SIGMA * normal())));
}
