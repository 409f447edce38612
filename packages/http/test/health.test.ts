import supertest from 'supertest';
import { expect, test } from 'vitest';
import { drain, health } from '../src/index.ts';
import type { HealthOptions, HttpApp } from '../src/index.ts';
import { start } from './start.ts';

const ok = () => Promise.resolve();
const fail = (properties: object) => () =>
  Promise.reject(Object.assign(new Error('db.internal said no'), properties));

function withHealth(options: HealthOptions) {
  return (app: HttpApp): void => {
    app.register(drain, { delayMs: 0 });
    app.register(health, options);
  };
}

async function ready(url: string): Promise<[number, unknown]> {
  const { status, body } = await supertest(url).get('/ready');
  return [status, body];
}

test('health answers without touching a dependency, also while draining', async () => {
  let calls = 0;
  const count = () => Promise.resolve(calls++);
  const { app, url } = await start((instance) => {
    instance.register(drain, { delayMs: 60_000 });
    instance.register(health, { checks: { s3: count } });
  });
  await supertest(url).get('/health').expect(200, { status: 'ok' });
  void app.drain();
  await supertest(url).get('/health').expect(200, { status: 'ok' });
  expect(calls).toBe(0);
});

test('ready when every check is', async () => {
  const { url } = await start(withHealth({ checks: { s3: ok, sqs: ok } }));
  expect(await ready(url)).toEqual([200, { status: 'ready', checks: { s3: 'ok', sqs: 'ok' } }]);
});

test('a dependency that the service can do without degrades it, at 200', async () => {
  const checks = { s3: ok, postgres: fail({ code: 'ECONNREFUSED' }) };
  const { url } = await start(withHealth({ checks, degradable: ['postgres'] }));
  expect(await ready(url)).toEqual([
    200,
    { status: 'degraded', checks: { s3: 'ok', postgres: 'unreachable' } },
  ]);
});

test('any other one makes it unready', async () => {
  const checks = { s3: fail({ name: 'AccessDenied' }), postgres: fail({}) };
  const { url } = await start(withHealth({ checks, degradable: ['postgres'] }));
  expect(await ready(url)).toEqual([
    503,
    { status: 'degraded', checks: { s3: 'denied', postgres: 'failed' } },
  ]);
});

test('while draining it is unready, whatever the checks say', async () => {
  const { app, url } = await start((instance) => {
    instance.register(drain, { delayMs: 60_000 });
    instance.register(health, { checks: { s3: ok } });
  });
  void app.drain();
  expect(await ready(url)).toEqual([503, { status: 'draining', checks: { s3: 'ok' } }]);
});

test.each([
  [{ code: 'ECONNREFUSED' }, 'unreachable'],
  [{ code: 'ENOTFOUND' }, 'unreachable'],
  [{ name: 'TimeoutError' }, 'timeout'],
  [{ code: 'ETIMEDOUT' }, 'timeout'],
  [{ code: '28P01' }, 'denied'],
  [{ name: 'ExpiredTokenException' }, 'denied'],
  [{ name: '403', $metadata: { httpStatusCode: 403 } }, 'denied'],
  [{ name: 'ResourceNotFoundException' }, 'missing'],
  [{ name: 'QueueDoesNotExist', $metadata: { httpStatusCode: 404 } }, 'missing'],
  [{}, 'failed'],
])('the error %j is reported as %s and no more', async (properties, reason) => {
  const { url } = await start(withHealth({ checks: { it: fail(properties) } }));
  expect(await ready(url)).toEqual([503, { status: 'degraded', checks: { it: reason } }]);
});

test('a check that hangs times out, though it ignores its signal', async () => {
  const { url } = await start(
    withHealth({ checks: { it: () => new Promise(() => undefined) }, timeoutMs: 30 }),
  );
  expect(await ready(url)).toEqual([503, { status: 'degraded', checks: { it: 'timeout' } }]);
});

test('a check is told when its time is up', async () => {
  let told = false;
  const check = (signal: AbortSignal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        told = true;
        reject(new Error('stopped'));
      });
    });
  const { url } = await start(withHealth({ checks: { it: check }, timeoutMs: 30 }));
  await ready(url);
  expect(told).toBe(true);
});

test('probes that come together, and soon after, share one run of the checks', async () => {
  let calls = 0;
  const slow = () => {
    calls += 1;
    return new Promise((resolve) => setTimeout(resolve, 20));
  };
  const { url } = await start(withHealth({ checks: { it: slow }, cacheMs: 200 }));
  await Promise.all([ready(url), ready(url), ready(url)]);
  await ready(url);
  expect(calls).toBe(1);
  await expect.poll(async () => (await ready(url), calls), { timeout: 2_000 }).toBe(2);
});

test('a check that begins to fail or recovers is logged once', async () => {
  let broken = true;
  const check = () => (broken ? Promise.reject(new Error('no')) : Promise.resolve());
  const { url, logs } = await start(withHealth({ checks: { it: check }, cacheMs: 0 }));
  await ready(url);
  await ready(url);
  broken = false;
  await ready(url);
  await ready(url);
  const lines = logs.map(({ msg }) => msg).filter((msg) => String(msg).startsWith('readiness'));
  expect(lines).toEqual(['readiness check failed', 'readiness check recovered']);
});
