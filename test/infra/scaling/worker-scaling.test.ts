import { describe, expect, test } from 'vitest';
import { evaluateEnvironment } from '../../support/cloudformation/environment.ts';
import type { EmptyMetrics } from './metric-math.ts';
import { DELETED, FINISHED_PER_TASK, IN_FLIGHT, queue, TASKS, VISIBLE } from './queue.ts';
import { scalingOf } from './scaling.ts';
import { simulate } from './simulate.ts';

const layersWith = (minTasks: number) =>
  evaluateEnvironment('production', {
    WorkerMinTasks: String(minTasks),
    WorkerMaxTasks: '20',
    BacklogPerTask: String(FINISHED_PER_TASK),
  });
const alwaysRunning = scalingOf(layersWith(2)['service-worker']);
const fromZero = scalingOf(layersWith(0)['service-worker']);

/** Messages that come all at once, in minute 10. */
const burst = (messages: number) => (minute: number) => (minute === 10 ? messages : 0);
const HOURS = 60;

describe.each<EmptyMetrics>(['filled', 'empty'])(
  'where FILL leaves metrics without points %s',
  (emptyMetrics) => {
    const run = (
      scaling: typeof fromZero,
      tasks: number,
      minutes: number,
      late: string[],
      ...of: Parameters<typeof queue>
    ) => simulate(scaling, queue(...of), { minutes, tasks, late, emptyMetrics });

    describe('of two workers or more', () => {
      const of = (minutes: number, ...options: Parameters<typeof queue>) =>
        run(alwaysRunning, 2, minutes, [], ...options);

      test('none is added for an empty queue, nor for one message', () => {
        expect(of(2 * HOURS, {})).toEqual([[0, 2]]);
        expect(of(2 * HOURS, { arriving: burst(1) })).toEqual([[0, 2]]);
      });

      test('a burst gets what finishes it in a minute, and they go a quarter of an hour after it', () => {
        expect(of(2 * HOURS, { arriving: burst(600) })).toEqual([
          [0, 2],
          [12, 4],
          [29, 2],
        ]);
      });

      test('a large burst gets as many as there may be', () => {
        expect(of(2 * HOURS, { arriving: burst(6_000) })).toEqual([
          [0, 2],
          [12, 20],
          [33, 2],
        ]);
      });

      test('a steady stream comes to the workers that it needs, and keeps them', () => {
        const [last, ...before] = of(24 * HOURS, { arriving: () => 5 * FINISHED_PER_TASK }).toReversed();
        expect(last).toEqual([expect.any(Number), 5]);
        expect(last?.[0]).toBeLessThan(HOURS);
        expect(Math.max(...before.map(([, tasks]) => tasks))).toBeLessThanOrEqual(15);
      });

      test('a backlog is worked off by all of them before any goes', () => {
        expect(run(alwaysRunning, 20, 3 * HOURS, [], { waiting: 60 * 20 * FINISHED_PER_TASK })).toEqual([
          [0, 20],
          [75, 2],
        ]);
      });

      test('nobody comes or goes while metrics are missing', () => {
        const options = {
          waiting: 20 * 45 * FINISHED_PER_TASK,
          unknown: (minute: number) => minute > 10 && minute < 50,
        };
        const changes = of(2 * HOURS, options);
        expect(changes.slice(0, 2)).toEqual([
          [0, 2],
          [3, 20],
        ]);
        expect(changes.at(2)?.[0]).toBeGreaterThan(60);
        expect(of(2 * HOURS, { unknown: () => true, waiting: 6_000 })).toEqual([[0, 2]]);
      });

      test.each([
        ['of SQS', [VISIBLE, IN_FLIGHT, DELETED]],
        ['of SQS, in part,', [VISIBLE]],
        ['of ECS', [TASKS]],
      ])('metrics %s that are late make it late by a minute', (_, late) => {
        const [first, second, third] = run(alwaysRunning, 2, 2 * HOURS, late, { arriving: burst(6_000) });
        expect([first, second?.[1], third?.[1]]).toEqual([[0, 2], 20, 2]);
        expect(second?.[0]).toBeGreaterThanOrEqual(12);
        expect(second?.[0]).toBeLessThanOrEqual(13);
      });
    });

    describe('of none or more', () => {
      const of = (minutes: number, ...options: Parameters<typeof queue>) =>
        run(fromZero, 0, minutes, [], ...options);

      test('there is none for an empty queue', () => {
        expect(of(24 * HOURS, {})).toEqual([[0, 0]]);
      });

      test('one message wakes one, which goes when it is done', () => {
        expect(of(2 * HOURS, { arriving: burst(1) })).toEqual([
          [0, 0],
          [10, 1],
          [15, 0],
        ]);
      });

      test('a message that takes hours keeps its worker', () => {
        expect(of(3 * HOURS, { arriving: burst(1), finishedPerTask: 0 })).toEqual([
          [0, 0],
          [10, 1],
        ]);
      });

      test('a large burst wakes one, and gets the others like any burst', () => {
        const changes = of(2 * HOURS, { arriving: burst(6_000) });
        expect(changes.slice(0, 3).map(([, tasks]) => tasks)).toEqual([0, 1, 20]);
        expect(changes[2]?.[0]).toBeLessThanOrEqual(15);
        expect(changes.at(-1)?.[1]).toBe(0);
      });

      test('after a pause of more than six hours a message waits for the metrics to come back', () => {
        const changes = of(12 * HOURS, { arriving: (minute) => (minute === 8 * HOURS ? 1 : 0) });
        expect(changes.slice(0, 2)).toEqual([
          [0, 0],
          [8 * HOURS + 15, 1],
        ]);
        expect(changes.at(-1)?.[1]).toBe(0);
      });
    });
  },
);

test('what is watched is the queue and the service of the environment', () => {
  const { storage, platform, 'service-worker': worker } = layersWith(0);
  const { QueueName } = storage.outputs;
  const { ClusterName } = platform.outputs;
  const { WorkerServiceName: ServiceName } = worker.outputs;
  for (const { namespace, dimensions } of fromZero.policies.flatMap(({ query }) => query.metrics)) {
    expect(dimensions).toEqual(namespace === 'AWS/SQS' ? { QueueName } : { ClusterName, ServiceName });
  }
});

test('without work for it a service keeps to its limits', () => {
  expect(alwaysRunning).toMatchObject({ min: 2, max: 20 });
  expect(alwaysRunning.policies.map(({ type }) => type)).toEqual(['target']);
  expect(fromZero.policies.map(({ type }) => type)).toEqual(['target', 'step']);
});
