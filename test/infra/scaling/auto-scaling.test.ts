import { expect, test } from 'vitest';
import { startAutoScaling } from './auto-scaling.ts';
import { keyOf, plainQuery } from './metric-query.ts';
import type { Policy, Scaling, StepScaling, TargetTracking } from './scaling.ts';

const metric = (name: string) => ({ namespace: 'Test', name, statistic: 'Average', dimensions: {} });
const LOAD = keyOf(metric('load'));
const OTHER = keyOf(metric('other'));

const tracking = (changes: Partial<TargetTracking> = {}): TargetTracking => ({
  type: 'target',
  id: 'tracking',
  query: plainQuery(metric('load')),
  target: 100,
  scaleOutCooldownMinutes: 3,
  scaleInCooldownMinutes: 5,
  ...changes,
});
const waking: StepScaling = {
  type: 'step',
  id: 'waking',
  query: plainQuery(metric('other')),
  alarm: {
    isBreaching: (point) => point >= 1,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    treatMissingData: 'notBreaching',
  },
  threshold: 1,
  steps: [
    { from: 0, below: 10, add: 1 },
    { from: 10, below: Infinity, add: 4 },
  ],
  cooldownMinutes: 3,
};
const between = (min: number, max: number, ...policies: Policy[]): Scaling => ({ min, max, policies });

/** The tasks wanted after each minute, all of them running at once unless it is said how many do. */
function follow(
  scaling: Scaling,
  tasks: number,
  load: (number | undefined)[],
  others: { other?: (number | undefined)[]; running?: number } = {},
): number[] {
  const autoScaling = startAutoScaling(scaling, { tasks, emptyMetrics: 'filled' });
  let wanted = tasks;
  return load.map((_, minute) => {
    const history = {
      [LOAD]: load.slice(0, minute + 1),
      [OTHER]: (others.other ?? load).slice(0, minute + 1),
    };
    return (wanted = autoScaling.next(history, others.running ?? wanted));
  });
}
const times = (count: number, point: number | undefined) => Array.from({ length: count }, () => point);

test('three points over the target scale out, in proportion and rounded up', () => {
  expect(follow(between(1, 20, tracking()), 4, times(3, 130))).toEqual([4, 4, 6]);
  expect(follow(between(1, 20, tracking()), 4, [130, 130, 100, 130])).toEqual([4, 4, 4, 4]);
});

test('fifteen points a tenth under the target scale in, in proportion and rounded up', () => {
  expect(follow(between(1, 20, tracking()), 10, times(16, 42)).slice(13)).toEqual([10, 5, 5]);
  expect(follow(between(1, 20, tracking()), 10, times(20, 91)).at(-1)).toBe(10);
  expect(follow(between(1, 20, tracking()), 10, [...times(14, 42), 95, ...times(14, 42)]).at(-1)).toBe(10);
});

test('the limits hold', () => {
  expect(follow(between(1, 5, tracking()), 4, times(3, 1_000)).at(-1)).toBe(5);
  expect(follow(between(3, 5, tracking()), 4, times(15, 0)).at(-1)).toBe(3);
});

test('without data nothing happens', () => {
  expect(follow(between(1, 20, tracking()), 4, times(60, undefined)).at(-1)).toBe(4);
});

test('what was added counts until the tasks run and the cooldown is over, but for a larger wish', () => {
  const starting = follow(between(1, 99, tracking()), 4, times(20, 200), { running: 4 });
  expect(starting.slice(2)).toEqual(times(18, 8));
  const started = follow(between(1, 99, tracking()), 4, times(8, 200));
  expect(started).toEqual([4, 4, 8, 8, 8, 8, 16, 16]);
  const larger = follow(between(1, 99, tracking()), 4, [...times(3, 200), 300, 300], { running: 4 });
  expect(larger).toEqual([4, 4, 8, 12, 12]);
});

test('after scaling in, a cooldown keeps from scaling in, and not from scaling out', () => {
  const load = [...times(15, 50), ...times(5, 50), ...times(3, 200)];
  expect(follow(between(1, 20, tracking()), 16, load).slice(14)).toEqual([8, 8, 8, 8, 8, 4, 4, 4, 8]);
});

test('one policy is enough to scale out, and it takes all to scale in', () => {
  const other = tracking({ id: 'other', query: plainQuery(metric('other')) });
  const both = between(1, 20, tracking(), other);
  expect(follow(both, 4, times(3, 0), { other: times(3, 200) }).at(-1)).toBe(8);
  expect(follow(both, 4, times(15, 0), { other: times(15, 100) }).at(-1)).toBe(4);
  expect(follow(both, 4, times(15, 0), { other: times(15, undefined) }).at(-1)).toBe(4);
  expect(follow(both, 4, times(15, 25), { other: times(15, 75) }).at(-1)).toBe(3);
});

test('a step is added at once, by how far the alarm is over its threshold, and again after the cooldown', () => {
  const scaling = between(0, 20, tracking(), waking);
  expect(follow(scaling, 0, times(6, undefined), { other: [0, 1, 1, 1, 1, 1] })).toEqual([0, 1, 1, 1, 1, 2]);
  expect(follow(scaling, 0, times(2, undefined), { other: [0, 11] })).toEqual([0, 4]);
});

test('tracking alone wakes nobody: no tasks in proportion are none', () => {
  expect(follow(between(0, 20, tracking()), 0, times(60, 1_000)).at(-1)).toBe(0);
});
