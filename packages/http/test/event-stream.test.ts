import { get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { drain, eventStreams, securityHeaders } from '../src/index.ts';
import type { EventSource } from '../src/index.ts';
import { open } from './raw-http.ts';
import { problemOf, start } from './start.ts';
import { until } from './until.ts';

function serve(source: EventSource, { pingMs = 15_000, handlerTimeoutMs = 60_000 } = {}) {
  return start(
    (app) => {
      app.register(securityHeaders);
      app.register(drain, { delayMs: 0 });
      app.register(eventStreams, { pingMs });
      app.register(async (routes) => {
        routes.get('/events', (_request, reply) => reply.sendEvents(source));
      });
    },
    { handlerTimeoutMs },
  );
}

const progress = (data: unknown) => ({ event: 'progress', data });
const until_ = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve()));

async function* threeEvents() {
  yield progress({ n: 1 });
  await sleep(5);
  yield progress({ n: 2, text: 'a\nb' });
  yield progress({ n: 3 });
}

test('events are sent as they come and the stream ends with its source', async () => {
  const { url } = await serve(threeEvents);
  const response = await fetch(`${url}/events`);
  expect(response.status).toBe(200);
  expect(await response.text()).toBe(
    'event: progress\ndata: {"n":1}\n\n' +
      'event: progress\ndata: {"n":2,"text":"a\\nb"}\n\n' +
      'event: progress\ndata: {"n":3}\n\n',
  );
});

test('no proxy may keep events back, and the headers of every answer are there', async () => {
  const { url } = await serve(threeEvents);
  const { headers } = await fetch(`${url}/events`, { headers: { 'x-request-id': 'r1' } });
  expect(Object.fromEntries(headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-request-id': 'r1',
    'x-content-type-options': 'nosniff',
  });
});

test('the first event comes at once, though the next is far', async () => {
  const { url } = await serve(async function* source(signal) {
    yield progress(1);
    await until_(signal);
  });
  const { body } = await fetch(`${url}/events`);
  const { value } = (await body?.getReader().read()) ?? {};
  expect(new TextDecoder().decode(value)).toBe('event: progress\ndata: 1\n\n');
});

test('a ping is sent in silence', async () => {
  const { url } = await serve(
    async function* source() {
      yield progress(1);
      await sleep(110);
    },
    { pingMs: 20 },
  );
  const text = await (await fetch(`${url}/events`)).text();
  expect(text.match(/^: ping\n\n/gm)?.length).toBeGreaterThan(2);
});

test('a source that fails at once is an ordinary error', async () => {
  // oxlint-disable-next-line require-yield
  const { url } = await serve(async function* source() {
    throw new Error('down');
  });
  const response = await fetch(`${url}/events`);
  expect(response.status).toBe(500);
  expect((await problemOf(response)).code).toBe('internal_error');
});

test('a source that fails later breaks the stream off, and is logged', async () => {
  const { url, logs } = await serve(async function* source() {
    yield progress(1);
    await sleep(5);
    throw new Error('later');
  });
  await expect((await fetch(`${url}/events`)).text()).rejects.toThrow('terminated');
  expect(logs.some(({ msg }) => msg === 'event stream failed')).toBe(true);
});

test('the source is told and closed when the client leaves', async () => {
  let state = 'running';
  const { url } = await serve(async function* source(signal) {
    try {
      yield progress(1);
      await until_(signal);
      state = 'told';
    } finally {
      state += ', closed';
    }
  });
  const leave = new AbortController();
  await fetch(`${url}/events`, { signal: leave.signal });
  leave.abort();
  await expect.poll(() => state).toBe('told, closed');
});

test.each(['honours', 'ignores'])(
  'streams end cleanly when the server closes, if the source %s its signal',
  async (how) => {
    const { app, url } = await serve(async function* source(signal) {
      yield progress(1);
      await (how === 'honours' ? until_(signal) : new Promise(() => undefined));
    });
    const response = await fetch(`${url}/events`);
    const text = response.text();
    const begin = performance.now();
    await app.drain();
    expect(await text).toBe('event: progress\ndata: 1\n\n');
    expect(performance.now() - begin).toBeLessThan(1_000);
  },
);

test("a stream outlives the handler's timeout", async () => {
  const { url } = await serve(
    async function* source() {
      yield progress(1);
      await sleep(150);
      yield progress(2);
    },
    { handlerTimeoutMs: 50 },
  );
  expect(await (await fetch(`${url}/events`)).text()).toContain('data: 2');
});

test('a client that does not read slows the source down', async () => {
  let produced = 0;
  const { port } = await serve(async function* source() {
    for (; produced < 100_000; produced += 1) yield progress('x'.repeat(10_000));
  });
  const socket = await open(port);
  socket.pause();
  socket.write('GET /events HTTP/1.1\r\nhost: x\r\n\r\n');
  let before = -1;
  await until(async () => {
    before = produced;
    await sleep(100);
    return produced > 0 && produced === before;
  });
  expect(produced).toBeLessThan(10_000);
  socket.destroy();
});

test('HEAD is answered with the head alone', async () => {
  const { port } = await serve(threeEvents);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get({ port, path: '/events', method: 'HEAD' }, resolve).on('error', reject);
  const response = await promise;
  expect([response.statusCode, response.headers['content-type']]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ]);
  response.resume();
});
