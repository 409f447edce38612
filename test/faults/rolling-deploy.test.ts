import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, supervise } from '@stowage/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LogLine, parseLine, serviceSpec, startMigratedStack } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { type Balancer, startBalancer } from './support/balancer.ts';
import { makeFile } from './support/file.ts';
import { expectKept, startLoad } from './support/load.ts';
import { startRate } from './support/rate.ts';
import { watch } from './support/watcher.ts';

/** How long a load balancer leaves requests under way alone before the task is told to stop; 30 s on AWS. */
const DEREGISTRATION_MS = 500;
/** A load balancer sends nothing to a task before it has passed several health checks. */
const HEALTH_CHECKS_MS = 1_500;
const WATCHERS = 3;

let stack: Stack;
let balancer: Balancer;
const logs: LogLine[] = [];
const tasks = new Map<string, Task>();

/** One process of the api or a worker, as ECS runs a task: not started again. */
interface Task {
  url: string;
  /** SIGTERM, and SIGKILL after what the task definition allows. */
  stop: () => Promise<void>;
}

beforeAll(async () => {
  stack = await startMigratedStack();
  balancer = await startBalancer();
  await Promise.all(['api-1', 'api-2', 'worker-1', 'worker-2'].map(start));
});
afterAll(async () => {
  await Promise.all([...tasks.values()].map((task) => task.stop()));
  await balancer.close();
  await stack.close();
});

async function start(name: string): Promise<void> {
  const spec = await serviceSpec(stack, name, {
    CHUNK_BYTES: '8192',
    ...(name.startsWith('api') ? { DRAIN_DELAY_MS: '500' } : {}),
  });
  const supervisor = supervise({
    services: [spec],
    onLine: (service, line) => logs.push(parseLine(service, line)),
    onEnd: (service, how) => logs.push({ service, how }),
  });
  await supervisor.ready;
  const url = new URL(spec.healthUrl).origin;
  if (name.startsWith('api')) {
    await sleep(HEALTH_CHECKS_MS);
    balancer.register(url);
  }
  tasks.set(name, { url, stop: () => supervisor.stop(45_000) });
}

/** First the new task, then the old one's end: deregistered, left alone for a while, told to stop. */
async function replace(old: string, by: string): Promise<void> {
  await start(by);
  const task = tasks.get(old);
  if (!task) throw new Error(`${old} does not run`);
  balancer.deregister(task.url);
  await sleep(old.startsWith('api') ? DEREGISTRATION_MS : 0);
  await task.stop();
  tasks.delete(old);
}

test('apis and workers replaced one by one under load: no request fails, and no message comes twice', async () => {
  const client = createClient(balancer.url);
  const { dataset, upload } = await client.create('watched');
  const watchers = Array.from({ length: WATCHERS }, () => watch(balancer.url, dataset.id));
  const { id } = await client.load('read', 'a\n1\n2\n');
  const paths = [`/v1/datasets/${id}`, `/v1/datasets/${id}/rows`, '/v1/datasets?limit=5', '/health'];
  let turn = 0;
  const rate = startRate(20, (signal) => fetch(`${balancer.url}${paths[turn++ % paths.length]}`, { signal }));
  const load = startLoad(balancer.url, { clients: 1, pauseMs: 300, records: 400 });

  await replace('api-1', 'api-3');
  await replace('worker-1', 'worker-3');
  await replace('api-2', 'api-4');
  await replace('worker-2', 'worker-4');

  // What was watched all along happens on tasks of which none was there when it began.
  const file = makeFile(100);
  await client.upload(upload, file.csv);
  await client.complete(dataset.id);
  for (const watcher of watchers) {
    expect(await watcher.final).toMatchObject({ status: 'ready', progress: { rowsLoaded: 100 } });
    expect(watcher.failures).toEqual([]);
    expect(watcher.streams).toBeGreaterThan(1);
  }
  await rate.stop();
  expect(rate.failures).toEqual([]);
  expect(rate.answered()).toBeGreaterThan(100);
  await expectKept({ url: balancer.url, stack }, load);
  expect(load.failures).toEqual([]);

  const drained = logs.filter(({ msg }) => msg === 'stopped to consume');
  expect(drained).toHaveLength(2);
  for (const report of drained) expect(report).toMatchObject({ abandoned: 0 });
  const deliveries = logs.filter(({ msg }) => msg === 'delivery ended');
  const returned = deliveries
    .filter(({ outcome }) => outcome === 'returned')
    .map(({ messageId }) => messageId);
  const again = deliveries.filter(({ receiveCount }) => Number(receiveCount) > 1);
  for (const { messageId } of again) expect(returned).toContain(messageId);
  const stopped = logs.filter(({ msg }) => msg === 'stopped');
  expect(stopped.map(({ clean }) => clean)).toEqual([true, true, true, true]);
}, 240_000);
