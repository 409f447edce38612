import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import {
  type FaultProxies,
  type FaultProxy,
  type Service,
  startFaultProxies,
} from './support/fault-proxy.ts';
import { expectKept, type Load, startLoad } from './support/load.ts';

/** How long each fault lasts. */
const FAULT_MS = 4_000;
/** The SDK tries a call that does not connect or answer at most three times, of 5 s. */
const ANSWER_MS = 20_000;

let application: Application;
let proxies: FaultProxies;
let load: Load;
let processes: object;

beforeAll(async () => {
  proxies = await startFaultProxies();
  application = await startApplication({
    workers: 2,
    leaseSeconds: 10,
    environment: (_name, stack) => ({ ...proxies.environment(stack), CHUNK_BYTES: '8192' }),
  });
});
afterAll(async () => {
  await application.close();
  await proxies.close();
});

beforeEach(() => {
  processes = application.services.pids();
  load = startLoad(application.url, { clients: 2, pauseMs: 200 });
});

/** Whatever fails while a service does is 503 and says when to come back, in time; nothing is started again. */
async function expectHealed(): Promise<void> {
  await proxies.mend();
  await expectKept(application, load);
  for (const failure of load.failures) {
    const code = expect.stringMatching(/^(dependency_unavailable|idempotency_in_progress)$/);
    expect(failure).toMatchObject({ status: expect.toBeOneOf([503, 409]), code });
    if (failure.status === 503) expect(failure.retryAfter).toMatch(/^\d+$/);
    expect(failure.ms).toBeLessThan(ANSWER_MS + 2_000);
  }
  expect(application.ends).toEqual([]);
  expect(application.services.pids()).toEqual(processes);
}
afterEach(expectHealed, 180_000);

const SERVICES: Service[] = ['S3', 'SQS', 'DYNAMODB'];

describe.each(SERVICES)('%s', (service) => {
  let proxy: FaultProxy;
  beforeEach(() => {
    proxy = proxies.of[service];
    proxy.counts = { passed: 0, failed: 0, throttled: 0 };
  });

  test('killed and back', async () => {
    await sleep(1_000);
    await proxy.cut();
    await sleep(FAULT_MS);
    expect(load.failures.length).toBeGreaterThan(0);
  });

  test('2 s slow', async () => {
    proxy.latencyMs = 2_000;
    await sleep(FAULT_MS * 2);
    expect(load.failures).toEqual([]);
  });

  test('one call in ten fails', async () => {
    proxy.errorRate = 0.1;
    await sleep(FAULT_MS);
    await expect.poll(() => proxy.counts.failed, { timeout: 60_000 }).toBeGreaterThan(5);
  });

  test('throttled', async () => {
    proxy.throttleRate = 0.8;
    await sleep(FAULT_MS);
    await expect.poll(() => proxy.counts.throttled, { timeout: 60_000 }).toBeGreaterThan(5);
  });
});
