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
const scalingWith = (minTasks: number) => scalingOf(layersWith(minTasks)['service-worker']);

/** As they are after a quiet day. */
const ALWAYS_RUNNING = { scaling: scalingWith(2), tasks: 2 };
const FROM_ZERO = { scaling: scalingWith(0), tasks: 0 };

const HOURS = 60;
/** Messages that come all at once, in minute 10. */
const burst = (messages: number) => (minute: number) => (minute === 10 ? messages : 0);

describe.each<EmptyMetrics>(['filled', 'empty'])('where metrics without points are %s,', (emptyMetrics) => {
  /** Changes of the number of tasks, as `[minute, tasks]`. */
  const changes = (
    workers: typeof FROM_ZERO,
    load: Parameters<typeof queue>[0],
    { minutes = 2 * HOURS, late = [] }: { minutes?: number; late?: string[] } = {},
  ) => simulate(workers.scaling, queue(load), { tasks: workers.tasks, minutes, late, emptyMetrics });

  describe('of two workers or more', () => {
    test('none is added for an empty queue, nor for one message', () => {
      expect(changes(ALWAYS_RUNNING, {})).toEqual([[0, 2]]);
      expect(changes(ALWAYS_RUNNING, { arriving: burst(1) })).toEqual([[0, 2]]);
    });

    test('a burst gets what finishes it in a minute, and they go a quarter of an hour after it', () => {
      expect(changes(ALWAYS_RUNNING, { arriving: burst(600) })).toEqual([
        [0, 2],
        [12, 4],
        [29, 2],
      ]);
    });

    test('a large burst gets as many as there may be', () => {
      expect(changes(ALWAYS_RUNNING, { arriving: burst(6_000) })).toEqual([
        [0, 2],
        [12, 20],
        [33, 2],
      ]);
    });

    test('a steady stream comes to the workers that it needs, and keeps them', () => {
      const load = { arriving: () => 5 * FINISHED_PER_TASK };
      expect(changes(ALWAYS_RUNNING, load, { minutes: 24 * HOURS })).toEqual([
        [0, 2],
        [3, 9],
        [4, 12],
        [5, 15],
        [22, 5],
      ]);
    });

    test('a backlog is worked off by all of them before any goes', () => {
      const load = { waiting: HOURS * 20 * FINISHED_PER_TASK };
      expect(changes({ ...ALWAYS_RUNNING, tasks: 20 }, load)).toEqual([
        [0, 20],
        [HOURS + 15, 2],
      ]);
    });

    test('nobody comes or goes while metrics are missing', () => {
      const load = {
        waiting: 45 * 20 * FINISHED_PER_TASK,
        unknown: (minute: number) => minute > 10 && minute < 80,
      };
      // The queue was empty after 48 minutes, which is known from the 80th on.
      expect(changes(ALWAYS_RUNNING, load)).toEqual([
        [0, 2],
        [3, 20],
        [94, 2],
      ]);
      expect(changes(ALWAYS_RUNNING, { waiting: 6_000, unknown: () => true })).toEqual([[0, 2]]);
    });

    test.each([
      ['of SQS', [VISIBLE, IN_FLIGHT, DELETED]],
      ['of SQS, in part,', [VISIBLE]],
      ['of ECS', [TASKS]],
    ])('metrics %s that are late make it late by a minute, and no other', (_, late) => {
      const made = changes(ALWAYS_RUNNING, { arriving: burst(600) }, { late });
      expect(made.map(([, tasks]) => tasks)).toEqual([2, 4, 2]);
      expect(made[1]?.[0]).toBeLessThanOrEqual(13);
    });
  });

  describe('of none or more', () => {
    test('there is none for an empty queue', () => {
      expect(changes(FROM_ZERO, {}, { minutes: 24 * HOURS })).toEqual([[0, 0]]);
    });

    test('one message wakes one, which goes when it is done', () => {
      expect(changes(FROM_ZERO, { arriving: burst(1) })).toEqual([
        [0, 0],
        [10, 1],
        [15, 0],
      ]);
    });

    test('a message that takes hours keeps its worker', () => {
      expect(changes(FROM_ZERO, { arriving: burst(1), finishedPerTask: 0 })).toEqual([
        [0, 0],
        [10, 1],
      ]);
    });

    test('a large burst wakes one, and gets the others like any burst', () => {
      expect(changes(FROM_ZERO, { arriving: burst(6_000) })).toEqual([
        [0, 0],
        [10, 1],
        [12, 20],
        [34, 0],
      ]);
    });

    test('after a pause of more than six hours a message waits for the metrics to come back', () => {
      const load = { arriving: (minute: number) => (minute === 8 * HOURS ? 1 : 0) };
      const made = changes(FROM_ZERO, load, { minutes: 12 * HOURS });
      expect(made.slice(0, 2)).toEqual([
        [0, 0],
        [8 * HOURS + 15, 1],
      ]);
      expect(made.at(-1)?.[1]).toBe(0);
    });
  });
});

test('what is watched is the queue and the service of the environment', () => {
  const { storage, platform, 'service-worker': worker } = layersWith(0);
  const { QueueName } = storage.outputs;
  const { ClusterName } = platform.outputs;
  const { WorkerServiceName: ServiceName } = worker.outputs;
  for (const { namespace, dimensions } of FROM_ZERO.scaling.policies.flatMap(({ query }) => query.metrics)) {
    expect(dimensions).toEqual(namespace === 'AWS/SQS' ? { QueueName } : { ClusterName, ServiceName });
  }
});

test('limits are the parameters, and only a service of none is woken', () => {
  expect(ALWAYS_RUNNING.scaling).toMatchObject({ min: 2, max: 20 });
  expect(ALWAYS_RUNNING.scaling.policies.map(({ type }) => type)).toEqual(['target']);
  expect(FROM_ZERO.scaling).toMatchObject({ min: 0, max: 20 });
  expect(FROM_ZERO.scaling.policies.map(({ type }) => type)).toEqual(['target', 'step']);
});
