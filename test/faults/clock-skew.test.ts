import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { workerEnvironment } from '../../services/worker/src/process-environment.ts';
import { type Application, startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { expectKept, startLoad } from './support/load.ts';

const MINUTES = 60_000;
/** How wrong each process's clock is: ten minutes between the workers. */
const SHIFT_MS: Record<string, number> = {
  api: -5 * MINUTES,
  'worker-1': 5 * MINUTES,
  'worker-2': -5 * MINUTES,
};
const preload = new URL('support/shift-clock.ts', import.meta.url).href;

let application: Application;

beforeAll(async () => {
  application = await startApplication({
    workers: 2,
    leaseSeconds: 5,
    environment: (name) => ({
      CHUNK_BYTES: '8192',
      CLOCK_SHIFT_MS: String(SHIFT_MS[name]),
      NODE_OPTIONS: `${name === 'api' ? '' : workerEnvironment.NODE_OPTIONS} --import=${preload}`,
    }),
  });
});
afterAll(() => application.close());

test('clocks that differ by five minutes, and a kill in between, change nothing', async () => {
  const processes = application.services.pids();
  const load = startLoad(application.url);
  await sleep(3_000);
  process.kill(processes['worker-1'] ?? 0, 'SIGKILL');
  await sleep(5_000);
  await expectKept(application, load);
  expect(load.failures).toEqual([]);
  expect(application.ends).toEqual(['worker-1 was ended by SIGKILL']);
  expect(application.logs.filter(({ outcome }) => outcome === 'failed' || outcome === 'lost')).toEqual([]);
});

test('the clocks were wrong', async () => {
  const { dataset, upload } = await createClient(application.url).create('clock');
  expect(Date.now() - Date.parse(dataset.createdAt)).toBeGreaterThan(4 * MINUTES);
  // The form is valid for an hour by a clock that is late.
  expect(Date.parse(upload.expiresAt) - Date.now()).toBeLessThan(56 * MINUTES);
  for (const [service, shift] of Object.entries(SHIFT_MS)) {
    const times = application.logs.filter((line) => line.service === service).map(({ time }) => String(time));
    expect(Math.sign(Date.parse(times.at(-1) ?? '') - Date.now())).toBe(Math.sign(shift));
  }
});
