import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { createHttpApp } from '@stowage/http';
import { createLogger } from '@stowage/runtime';
import { drainDelayMs, readConfig as readApi } from '../../services/api/src/config.ts';
import { readConfig as readWorker } from '../../services/worker/src/config.ts';
import { SERVICE, type TargetGroup, TARGET_GROUP } from './ecs.ts';
import { tasksOf } from './programs.ts';
import { allStacks, resourcesIn } from './stacks.ts';

/** The longest that Fargate waits between SIGTERM and SIGKILL. */
const FARGATE_MAX_STOP_MS = 120_000;

/** SQS keeps a received message invisible for so long at most, whatever it is told. */
const SQS_MAX_INVISIBLE_MS = 12 * 3_600_000;

const stacks = allStacks();
const queues = resourcesIn<{
  VisibilityTimeout: string;
  MessageRetentionPeriod: number;
  RedrivePolicy?: object;
}>(stacks, 'AWS::SQS::Queue');

/** A constant of a source file, in milliseconds. */
function constant(file: string, pattern: RegExp): number {
  const [, digits] = pattern.exec(readFileSync(file, 'utf8')) ?? [];
  if (digits === undefined) throw new Error(`${file} has no ${pattern}: read the time from where it is now`);
  return Number(digits.replaceAll('_', ''));
}

const apiClosingMs = constant('services/api/src/main.ts', /const CLOSING_MS = ([\d_]+);/);
const workerClosingMs = constant('services/worker/src/main.ts', /const CLOSING_MS = ([\d_]+);/);
const migrateStopMs = constant('services/migrate/src/main.ts', /stopDeadlineMs: \(\) => ([\d_]+),/);
const longestBeatMs = constant('packages/queue/src/leases.ts', /const MAX_BEAT_MS = ([\d_]+);/);
const sqsCallMs = constant('packages/queue/src/sqs-calls.ts', /const CALL_LIMIT_MS = ([\d_]+);/);

const apis = tasksOf('api').map((task) => ({ task, config: readApi(task.environment) }));
const workers = tasksOf('worker').map((task) => ({ task, config: readWorker(task.environment) }));

const balancers = resourcesIn<{ LoadBalancerAttributes: { Key: string; Value: string }[] }>(
  stacks,
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
);
const targetGroups = resourcesIn<TargetGroup>(stacks, TARGET_GROUP);

/** A time among attributes that are keys and values, in milliseconds. */
function attributeMs(attributes: { Key: string; Value: string }[], key: string): number {
  const value = attributes.find(({ Key }) => Key === key)?.Value;
  if (value === undefined) throw new Error(`${key} is not stated`);
  return Number(value) * 1000;
}

const idleMs = balancers.map(({ properties }) =>
  attributeMs(properties.LoadBalancerAttributes, 'idle_timeout.timeout_seconds'),
);

test('there is something of everything to compare', () => {
  for (const some of [apis, workers, balancers, targetGroups, queues]) expect(some.length).toBeGreaterThan(0);
});

test('the api keeps a connection longer than the load balancer does, or requests meet one that is closing', async () => {
  const app = createHttpApp({ logger: createLogger({ service: 'test', version: '', level: 'silent' }) });
  await app.ready();
  const { keepAliveTimeout, headersTimeout } = app.server;
  await app.close();
  expect(Math.max(...idleMs)).toBeLessThan(keepAliveTimeout);
  expect(keepAliveTimeout).toBeLessThan(headersTimeout);
});

test('the api answers before the load balancer gives up waiting', () => {
  for (const { config } of apis) expect(config.REQUEST_TIMEOUT_MS).toBeLessThan(Math.min(...idleMs));
});

test('a query ends before the request that waits for it', () => {
  for (const { config } of apis) expect(config.STATEMENT_TIMEOUT_MS).toBeLessThan(config.REQUEST_TIMEOUT_MS);
});

test('a task that leaves the load balancer is left the time to answer every request', () => {
  for (const { properties } of targetGroups) {
    const delay = attributeMs(properties.TargetGroupAttributes, 'deregistration_delay.timeout_seconds');
    for (const { config } of apis) expect(delay).toBeGreaterThanOrEqual(config.REQUEST_TIMEOUT_MS);
  }
});

test('a request that is accepted while the api drains can still take as long as any', () => {
  for (const { config } of apis) expect(config.DRAIN_MS).toBeGreaterThanOrEqual(config.REQUEST_TIMEOUT_MS);
});

test('the api has drained and closed before ECS kills it', () => {
  for (const { task, config } of apis) {
    expect(drainDelayMs(config)).toBeGreaterThan(0);
    expect(drainDelayMs(config) + config.DRAIN_MS + apiClosingMs).toBeLessThan(task.stopTimeoutMs);
  }
});

test('a worker has drained and closed before ECS kills it', () => {
  for (const { task, config } of workers) {
    expect(config.DRAIN_MS + workerClosingMs).toBeLessThan(task.stopTimeoutMs);
  }
});

test('a migration has stopped before ECS kills it', () => {
  for (const task of tasksOf('migrate')) expect(migrateStopMs).toBeLessThan(task.stopTimeoutMs);
});

test('no task asks for more time than Fargate gives', () => {
  for (const task of [...tasksOf('api'), ...tasksOf('worker'), ...tasksOf('migrate')]) {
    expect(task.stopTimeoutMs).toBeLessThanOrEqual(FARGATE_MAX_STOP_MS);
  }
});

test('a message stays a worker’s own while it works: one dead call to SQS costs no lease', () => {
  for (const { properties } of queues.filter(({ properties: { RedrivePolicy } }) => RedrivePolicy)) {
    const leaseMs = Number(properties.VisibilityTimeout) * 1000;
    // Looked at every tenth of a lease, extended from its half on: the first try dies, and the second is still in time.
    const beatMs = Math.min(leaseMs / 10, longestBeatMs);
    expect(leaseMs / 2 + beatMs + sqsCallMs + beatMs).toBeLessThan(leaseMs);
  }
});

test('a handler ends before SQS takes its message back for good', () => {
  for (const { config } of workers) expect(config.HANDLER_TIMEOUT_MS).toBeLessThan(SQS_MAX_INVISIBLE_MS);
});

test('a dead letter is kept longer than the queue keeps a message, as its age counts from the first send', () => {
  const [load, dead] = [true, false].map((redrives) =>
    queues
      .filter(({ properties: { RedrivePolicy } }) => (RedrivePolicy !== undefined) === redrives)
      .map(({ properties: { MessageRetentionPeriod } }) => MessageRetentionPeriod),
  );
  expect(Math.min(...(dead ?? []))).toBeGreaterThan(Math.max(...(load ?? [])));
});

test('the load balancer’s check waits for an answer less long than for its turn', () => {
  for (const { properties } of targetGroups) {
    expect(properties.HealthCheckTimeoutSeconds).toBeLessThan(properties.HealthCheckIntervalSeconds);
  }
});

test('a service is not judged by its health check before its tasks can have started', () => {
  const balanced = resourcesIn<{ LoadBalancers?: unknown[]; HealthCheckGracePeriodSeconds?: number }>(
    stacks,
    SERVICE,
  ).filter(({ properties }) => properties.LoadBalancers);
  for (const { properties } of balanced) {
    expect(properties.HealthCheckGracePeriodSeconds).toBeGreaterThanOrEqual(30);
  }
});

test('Docker Compose stops containers as ECS does', () => {
  const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
    services: Record<string, { stop_grace_period?: string }>;
  };
  for (const program of ['api', 'worker'] as const) {
    for (const { stopTimeoutMs } of tasksOf(program)) {
      expect(compose.services[program]?.stop_grace_period).toBe(`${stopTimeoutMs / 1000}s`);
    }
  }
});
