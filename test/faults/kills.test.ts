import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { expectKept, type Load, startLoad } from './support/load.ts';

const ROUNDS = 20;

let application: Application;
let load: Load;

beforeAll(async () => {
  application = await startApplication({
    workers: 3,
    leaseSeconds: 5,
    environment: { CHUNK_BYTES: '8192' },
  });
});
afterEach(() => load.stop());
afterAll(() => application.close());

/** Kills services as the kernel does when memory runs out, and waits until each runs again. */
async function kill(...names: string[]): Promise<void> {
  const before = application.services.pids();
  const killed = names.flatMap((name) => before[name] ?? []);
  expect(killed).toHaveLength(names.length);
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  const restarted = () => {
    const now = application.services.pids();
    return names.every((name) => now[name] !== undefined && now[name] !== before[name]);
  };
  await expect.poll(restarted, { timeout: 20_000 }).toBe(true);
}

/** Kills one of those that run just now, if any does. */
function killOneOf(names: string[], dead: Set<number>): void {
  const running = Object.entries(application.services.pids()).filter(
    ([name, pid]) => names.includes(name) && !dead.has(pid),
  );
  const [, pid] = running[Math.floor(Math.random() * running.length)] ?? [];
  if (pid === undefined) return;
  process.kill(pid, 'SIGKILL');
  dead.add(pid);
}

test(`${ROUNDS} random kills of workers cost no row, double none, and fail no request`, async () => {
  const workers = ['worker-1', 'worker-2', 'worker-3'];
  const api = application.services.pids()['api'];
  load = startLoad(application.url);
  const dead = new Set<number>();
  while (dead.size < ROUNDS) {
    await sleep(100 + Math.random() * 900);
    killOneOf(workers, dead);
  }
  await expectKept(application, load);
  expect(load.failures).toEqual([]);
  expect(application.services.pids()['api']).toBe(api);
  expect(application.ends).toHaveLength(ROUNDS);
});

test('kills of the api cost nothing that it has acknowledged', async () => {
  const { api: _, ...workers } = application.services.pids();
  load = startLoad(application.url, { clients: 4, pauseMs: 50 });
  for (let round = 0; round < 4; round++) {
    await sleep(500 + Math.random() * 500);
    await kill('api');
  }
  await expectKept(application, load);
  expect(load.failures).not.toEqual([]);
  // Only connections were lost. A key whose request was cut is free again after half a minute at most.
  for (const { status, code } of load.failures) {
    expect([undefined, 'idempotency_in_progress']).toContain(status && code);
  }
  expect(application.services.pids()).toMatchObject(workers);
});

test('a kill of everything at once, Postgres included, costs nothing that was acknowledged', async () => {
  load = startLoad(application.url);
  await sleep(3_000);
  await Promise.all([kill('api', 'worker-1', 'worker-2', 'worker-3'), application.stack.postgres.kill()]);
  await application.stack.startPostgresAgain();
  await sleep(1_000);
  await expectKept(application, load);
  expect(Object.keys(application.services.pids())).toHaveLength(4);
});
