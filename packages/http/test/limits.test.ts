import { expect, test } from 'vitest';
import { auth, drain, health, loadShedding, rateLimit } from '../src/index.ts';
import type { HttpApp, RateLimitOptions } from '../src/index.ts';
import { startIssuer } from './issuer.ts';
import { problemOf, start } from './start.ts';

function limited(options: RateLimitOptions, authentication: Parameters<typeof auth>[1] = { mode: 'none' }) {
  return (app: HttpApp): void => {
    app.register(drain, {});
    app.register(auth, authentication);
    app.register(rateLimit, options);
    app.register(health, { checks: {} });
    app.register(async (api) => {
      api.get('/', () => 'x');
    });
  };
}

const statusOf = async (response: Promise<Response>): Promise<number> => (await response).status;

test('requests above the limit are 429 with Retry-After', async () => {
  const { url } = await start(limited({ max: 2 }));
  const first = await fetch(url);
  expect(first.status).toBe(200);
  expect(first.headers.get('ratelimit-limit')).toBe('2');
  expect(first.headers.get('ratelimit-remaining')).toBe('1');
  expect(await statusOf(fetch(url))).toBe(200);
  const response = await fetch(url);
  expect(response.status).toBe(429);
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await problemOf(response)).code).toBe('rate_limited');
});

test('the next window is free again', async () => {
  const { url } = await start(limited({ max: 1, windowMs: 100 }));
  await fetch(url);
  await expect.poll(() => statusOf(fetch(url)), { timeout: 2_000, interval: 120 }).toBe(200);
});

test('unknown routes count', async () => {
  const { url } = await start(limited({ max: 1 }));
  expect(await statusOf(fetch(`${url}/nowhere`))).toBe(404);
  expect(await statusOf(fetch(`${url}/nowhere`))).toBe(429);
});

test('probes do not', async () => {
  const { url } = await start(limited({ max: 1 }));
  await fetch(url);
  expect(await statusOf(fetch(`${url}/health`))).toBe(200);
  expect(await statusOf(fetch(`${url}/ready`))).toBe(200);
});

test('0 turns the limit off', async () => {
  const { url } = await start(limited({ max: 0 }));
  const response = await fetch(url);
  expect(response.status).toBe(200);
  expect(response.headers.has('ratelimit-limit')).toBe(false);
});

test('tenants are counted apart, callers without a valid token by address', async () => {
  const issuer = await startIssuer();
  const { url } = await start(limited({ max: 2 }, { mode: 'oidc', issuer: issuer.url, audience: 'api' }));
  const as = async (sub: string) =>
    statusOf(fetch(url, { headers: { authorization: `Bearer ${await issuer.token({ sub })}` } }));
  expect([await as('a'), await as('a'), await as('a')]).toEqual([200, 200, 429]);
  expect(await as('b')).toBe(200);
  const invalid = () => statusOf(fetch(url, { headers: { authorization: 'Bearer x' } }));
  expect([await invalid(), await invalid(), await invalid()]).toEqual([401, 401, 429]);
  expect(await as('b')).toBe(200);
});

test('behind a proxy the address is the one the proxy saw, whatever the client claims', async () => {
  const { url } = await start(
    (app) => {
      app.get('/', (request) => request.ip);
    },
    { trustedProxies: 1 },
  );
  const response = await fetch(url, { headers: { 'x-forwarded-for': '1.1.1.1, 2.2.2.2' } });
  expect(await response.text()).toBe('2.2.2.2');
});

test('without a proxy the header means nothing', async () => {
  const { url } = await start((app) => {
    app.get('/', (request) => request.ip);
  });
  const response = await fetch(url, { headers: { 'x-forwarded-for': '1.1.1.1' } });
  expect(await response.text()).toBe('127.0.0.1');
});

test('while the event loop lags requests are refused and probes answered', async () => {
  const { url, app } = await start((instance) => {
    instance.register(loadShedding, { maxEventLoopDelayMs: 20, sampleIntervalMs: 50 });
    limited({})(instance);
  });
  const busy = setInterval(() => {
    const end = performance.now() + 80;
    while (performance.now() < end);
  }, 1);
  try {
    await expect.poll(() => statusOf(fetch(url)), { timeout: 5_000 }).toBe(503);
    const response = await fetch(url);
    expect(response.headers.get('retry-after')).toBe('2');
    expect((await problemOf(response)).code).toBe('overloaded');
    expect(await statusOf(fetch(`${url}/health`))).toBe(200);
    expect(await statusOf(fetch(`${url}/ready`))).toBe(200);
    expect(app.isUnderPressure()).toBe(true);
  } finally {
    clearInterval(busy);
  }
  await expect.poll(() => statusOf(fetch(url)), { timeout: 5_000 }).toBe(200);
});

test('what stalled the start is held against no request', async () => {
  const stall = (ms: number) => {
    const end = performance.now() + ms;
    while (performance.now() < end);
  };
  const { url } = await start((instance) => {
    instance.register(loadShedding, { maxEventLoopDelayMs: 150, sampleIntervalMs: 300 });
    instance.register(async () => stall(900));
    limited({})(instance);
  });
  const statuses = new Set<number>();
  for (const end = performance.now() + 500; performance.now() < end;)
    statuses.add(await statusOf(fetch(url)));
  expect(statuses).toEqual(new Set([200]));
});
