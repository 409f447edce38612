import { connect } from 'node:net';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { auth, drain, eventStreams, health, metrics } from '../src/index.ts';
import type { HttpApp } from '../src/index.ts';
import { open } from './raw-http.ts';
import { start } from './start.ts';
import { until } from './until.ts';

function service(registry = new Registry()) {
  return (app: HttpApp): void => {
    app.register(metrics, { registry });
    app.register(drain, { delayMs: 0 });
    app.register(eventStreams, {});
    app.register(auth, { mode: 'none' });
    app.register(health, { checks: {} });
    app.register(async (routes) => {
      routes.get('/things/:id', () => 'x');
      routes.get('/never', () => new Promise(() => undefined));
      routes.get('/broken', () => {
        throw new Error('broken');
      });
      routes.get('/events', (_request, reply) =>
        reply.sendEvents(async function* events(signal) {
          yield { event: 'progress', data: 1 };
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
        }),
      );
    });
  };
}

async function samples(registry: Registry, name: string): Promise<Record<string, unknown>[]> {
  const metric = (await registry.getMetricsAsJSON()).find((each) => each.name === name);
  return metric?.values ?? [];
}

const counts = async (registry: Registry) =>
  (await samples(registry, 'http_request_duration_seconds'))
    .filter(({ metricName }) => metricName === 'http_request_duration_seconds_count')
    .map(({ labels, value }) => [labels, value]);
const inFlight = async (registry: Registry) =>
  (await samples(registry, 'http_requests_in_flight'))[0]?.['value'] as number;

test('durations are counted by method, route pattern and status', async () => {
  const registry = new Registry();
  const { url } = await start(service(registry));
  await fetch(`${url}/things/1`);
  await fetch(`${url}/things/2?x=1`);
  await fetch(`${url}/nowhere/1`);
  await fetch(`${url}/broken`);
  await until(async () => (await inFlight(registry)) === 0);
  expect(await counts(registry)).toEqual([
    [{ method: 'GET', route: '/things/:id', status: 200 }, 2],
    [{ method: 'GET', route: 'unmatched', status: 404 }, 1],
    [{ method: 'GET', route: '/broken', status: 500 }, 1],
  ]);
});

test('a client that leaves early is counted as 499 and no longer in flight', async () => {
  const registry = new Registry();
  const { port, logs } = await start(service(registry));
  const socket = await open(port);
  socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(async () => (await inFlight(registry)) === 1);
  socket.destroy();
  await until(async () => (await inFlight(registry)) === 0);
  expect(await counts(registry)).toEqual([[{ method: 'GET', route: '/never', status: 499 }, 1]]);
  await until(() => logs.some(({ msg }) => msg === 'request'));
  expect(logs.find(({ msg }) => msg === 'request')).toMatchObject({ status: 499, aborted: true });
});

test('an open event stream is in flight, but its length is no latency', async () => {
  const registry = new Registry();
  const { port, logs } = await start(service(registry));
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /events HTTP/1.1\r\nhost: x\r\n\r\n');
  await until(async () => (await inFlight(registry)) === 1 && socket.bytesRead > 0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  socket.destroy();
  await until(async () => (await inFlight(registry)) === 0);
  expect(await counts(registry)).toEqual([[{ method: 'GET', route: '/events', status: 200 }, 1]]);
  const sum = (await samples(registry, 'http_request_duration_seconds')).find(
    ({ metricName }) => metricName === 'http_request_duration_seconds_sum',
  );
  expect(sum?.['value']).toBeLessThan(0.25);
  await until(() => logs.some(({ msg }) => msg === 'request'));
  expect(logs.find(({ msg }) => msg === 'request')).toMatchObject({ route: '/events', status: 200 });
});

test('one line a request says what happened', async () => {
  const { url, logs } = await start(service());
  await fetch(`${url}/things/1?where.name=secret`, { headers: { 'x-request-id': 'r1' } });
  await until(() => logs.some(({ msg }) => msg === 'request'));
  const lines = logs.filter(({ requestId }) => requestId === 'r1');
  expect(lines).toEqual([
    {
      level: 30,
      time: expect.any(Number) as number,
      pid: process.pid,
      hostname: expect.any(String) as string,
      requestId: 'r1',
      method: 'GET',
      route: '/things/:id',
      path: '/things/1',
      status: 200,
      ms: expect.any(Number) as number,
      tenant: 'local',
      msg: 'request',
    },
  ]);
});

test.each([
  ['/nowhere', 'not_found', 404],
  ['/%zz', 'validation_failed', 400],
])('the line of a request to %s has its error code', async (path, code, status) => {
  const { url, logs } = await start(service());
  await fetch(url + path);
  await until(() => logs.some(({ msg }) => msg === 'request'));
  expect(logs.filter(({ msg }) => msg === 'request')).toEqual([
    expect.objectContaining({ route: 'unmatched', code, status }),
  ]);
});

test('probes are logged at debug', async () => {
  const { url, logs } = await start(service());
  await fetch(`${url}/health`);
  await fetch(`${url}/ready`);
  await until(() => logs.filter(({ msg }) => msg === 'request').length === 2);
  expect(logs.filter(({ msg }) => msg === 'request').map(({ level }) => level)).toEqual([20, 20]);
});
