import { describe, expect, test } from 'vitest';
import { evaluateEnvironment } from '../../support/cloudformation/environment.ts';
import type { EmptyMetrics } from './metric-math.ts';
import { CPU, requests, requestsKey } from './requests.ts';
import { type Scaling, scalingOf } from './scaling.ts';
import { simulate } from './simulate.ts';

const READINGS: EmptyMetrics[] = ['filled', 'empty'];
const STRATEGIES = ['rolling', 'blue-green', 'canary'];
const HOURS = 60;

const layersWith = (strategy: string) =>
  evaluateEnvironment('production', {
    DeploymentStrategy: strategy,
    ApiMinTasks: '2',
    ApiMaxTasks: '20',
    ApiRequestsPerTask: '6000',
  });

/** The target groups whose requests are counted; where traffic is shifted, either of two may have the tasks. */
function targetGroupsOf({ policies }: Scaling): string[] {
  const names = policies.flatMap(({ query }) =>
    query.metrics.map(({ dimensions }) => dimensions['TargetGroup']),
  );
  return [...new Set(names.filter((name) => name !== undefined))];
}

const variants = STRATEGIES.flatMap((strategy) => {
  const scaling = scalingOf(layersWith(strategy)['service-api']);
  const groups = targetGroupsOf(scaling);
  return groups.flatMap((active) => {
    const targetGroups = [active, ...groups.filter((name) => name !== active)];
    return READINGS.map((emptyMetrics) => ({ strategy, active, scaling, targetGroups, emptyMetrics }));
  });
});

/** How many requests a task can answer in a minute. */
const CHEAP = 60_000;
const COSTLY = 600;

describe.each(variants)('$strategy, tasks in $active, metrics without points $emptyMetrics', (variant) => {
  const { scaling, targetGroups, emptyMetrics } = variant;
  const of = (tasks: number, minutes: number, load: Omit<Parameters<typeof requests>[0], 'targetGroups'>) =>
    simulate(scaling, requests({ ...load, targetGroups }), { minutes, tasks, emptyMetrics });

  test('the three tasks to begin with become two when there is little to do', () => {
    expect(of(3, 2 * HOURS, { requests: () => 100, perTask: CHEAP })).toEqual([
      [0, 3],
      [15, 2],
    ]);
  });

  test('tasks go when no request comes at all, of which the load balancer says nothing', () => {
    expect(of(10, 2 * HOURS, { requests: () => 0, perTask: CHEAP }).at(-1)).toEqual([15, 2]);
  });

  test('many cheap requests get tasks by their number', () => {
    const [, second, ...others] = of(2, 2 * HOURS, { requests: () => 45_000, perTask: CHEAP });
    expect(second).toEqual([3, 8]);
    expect(others).toEqual([]);
  });

  test('few costly requests get tasks by the CPU they take', () => {
    const changes = of(2, 2 * HOURS, { requests: () => 6 * COSTLY, perTask: COSTLY });
    expect(changes[1]?.[0]).toBe(3);
    expect(changes.at(-1)?.[1]).toBeGreaterThanOrEqual(9);
    expect(changes.at(-1)?.[1]).toBeLessThanOrEqual(20);
  });

  test('a peak is followed up to the limit and back', () => {
    const peak = (minute: number) => (minute >= 10 && minute < 40 ? 600_000 : 100);
    const changes = of(2, 3 * HOURS, { requests: peak, perTask: CHEAP });
    expect(changes[1]).toEqual([12, 20]);
    expect(changes.at(-1)).toEqual([54, 2]);
  });

  test('metrics that are late make it late by a minute', () => {
    for (const late of [[CPU], targetGroups.map(requestsKey), [CPU, ...targetGroups.map(requestsKey)]]) {
      const load = requests({ requests: () => 45_000, perTask: CHEAP, targetGroups });
      const changes = simulate(scaling, load, { minutes: 2 * HOURS, tasks: 2, emptyMetrics, late });
      expect(changes.map(([, tasks]) => tasks)).toEqual([2, 8]);
      expect(changes[1]?.[0]).toBeLessThanOrEqual(4);
    }
  });

  test('nobody comes or goes while metrics are missing', () => {
    const options = { requests: () => 100, perTask: CHEAP, unknown: () => true };
    expect(of(10, 2 * HOURS, options)).toEqual([[0, 10]]);
  });
});

test.each(STRATEGIES)('what is watched is the service and its target groups: %s', (strategy) => {
  const { platform, 'service-api': api } = layersWith(strategy);
  const { ClusterName } = platform.outputs;
  const { ApiServiceName: ServiceName } = api.outputs;
  const scaling = scalingOf(api);
  expect(scaling).toMatchObject({ min: 2, max: 20 });
  expect(scaling.policies.map(({ type }) => type)).toEqual(['target', 'target']);
  const metrics = scaling.policies.flatMap(({ query }) => query.metrics);
  expect(
    metrics.filter(({ namespace }) => namespace === 'AWS/ECS').map(({ dimensions }) => dimensions),
  ).toEqual([
    { ClusterName, ServiceName },
    { ClusterName, ServiceName },
  ]);
  const [balancer] = (api.resources['ApiService']?.Properties['LoadBalancers'] ?? []) as LoadBalancer[];
  const arns = [balancer?.TargetGroupArn, balancer?.AdvancedConfiguration?.AlternateTargetGroupArn];
  expect(targetGroupsOf(scaling)).toEqual(
    arns.flatMap((arn) => (arn === undefined ? [] : [arn.replace(/^.*:/, '')])),
  );
});

interface LoadBalancer {
  TargetGroupArn: string;
  AdvancedConfiguration?: { AlternateTargetGroupArn: string };
}
