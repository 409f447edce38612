import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { drain } from '../src/index.ts';
import type { DrainOptions, HttpApp } from '../src/index.ts';
import { exchange, open } from './raw-http.ts';
import { start } from './start.ts';
import { until } from './until.ts';

interface Gate {
  entered: number;
  open(): void;
}

/** `/wait` answers when the gate opens; `/stream` sends its head at once and its end when the gate opens. */
function gated(options: DrainOptions): { gate: Gate; configure: (app: HttpApp) => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const gate = { entered: 0, open: resolve };
  return {
    gate,
    configure(app) {
      app.register(drain, options);
      app.get('/', () => 'fine');
      app.get('/wait', async () => {
        gate.entered += 1;
        await promise;
        return 'waited';
      });
      app.get('/stream', async (_request, reply) => {
        reply.hijack();
        reply.raw.writeHead(200).write('head ');
        gate.entered += 1;
        await promise;
        reply.raw.end('tail');
      });
    },
  };
}

const keepAlive = new Agent({ keepAlive: true });

async function request(url: string, agent = keepAlive): Promise<{ response: IncomingMessage; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url, { agent }, resolve).on('error', reject);
  const response = await promise;
  return { response, body: await text(response) };
}

async function seconds(work: Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work;
  return (performance.now() - begin) / 1000;
}

test('a request in flight on a keep-alive connection is answered, with connection: close, and the drain ends at once', async () => {
  const { gate, configure } = gated({ delayMs: 50 });
  const { app, url } = await start(configure);
  await request(url);
  const inFlight = request(`${url}/wait`);
  await until(() => gate.entered === 1);
  const drained = seconds(app.drain());
  await until(() => app.closing.aborted);
  gate.open();
  const { response, body } = await inFlight;
  expect([response.statusCode, body, response.headers.connection]).toEqual([200, 'waited', 'close']);
  expect(await drained).toBeLessThan(1);
});

test('an answer that began before the drain ends whole, and its connection is not waited for', async () => {
  const { gate, configure } = gated({ delayMs: 0 });
  const { app, url } = await start(configure);
  const inFlight = request(`${url}/stream`);
  await until(() => gate.entered === 1);
  const drained = app.drain();
  await until(() => app.closing.aborted);
  gate.open();
  expect((await inFlight).body).toBe('head tail');
  expect(await seconds(drained)).toBeLessThan(1);
});

test('requests are served during the delay', async () => {
  const { configure } = gated({ delayMs: 200 });
  const { app, url } = await start(configure);
  const drained = app.drain();
  expect(app.draining.aborted).toBe(true);
  expect(app.closing.aborted).toBe(false);
  const { response, body } = await request(url);
  expect([response.statusCode, body, response.headers.connection]).toEqual([200, 'fine', 'keep-alive']);
  await drained;
  await expect(request(url)).rejects.toThrow('ECONNREFUSED');
});

test('idle keep-alive connections are closed soon', async () => {
  const { configure } = gated({ delayMs: 0 });
  const { app, url } = await start(configure);
  await request(url);
  expect(await seconds(app.drain())).toBeLessThan(1);
});

test('keep-alive clients under load lose no request: each connection gets a last answer', async () => {
  const { configure } = gated({ delayMs: 100 });
  const { app, url } = await start(configure);
  const agent = new Agent({ keepAlive: true, maxSockets: 20 });
  const results: string[] = [];
  const clients = Array.from({ length: 20 }, async () => {
    for (let last = false; !last;) {
      const { response } = await request(url, agent);
      last = response.headers.connection === 'close';
      if (last) results.push(`${response.statusCode}`);
    }
  });
  await app.drain();
  await Promise.all(clients);
  expect(results).toEqual(Array<string>(20).fill('200'));
});

test('connections that wait to be accepted when the listener closes are served', async () => {
  const { configure } = gated({ delayMs: 0 });
  const { app, url } = await start(configure);
  // The connections reach the kernel now, the event loop later.
  const requests = Array.from({ length: 20 }, () => request(url, new Agent()));
  await app.drain();
  const answers = await Promise.all(requests);
  expect(answers.map(({ response }) => response.statusCode)).toEqual(Array<number>(20).fill(200));
});

test('a connection on which nothing was ever sent does not hold up the close', async () => {
  const { configure } = gated({ delayMs: 0 });
  const { app, port } = await start(configure);
  await open(port);
  await until(async () => (await connectionsOf(app)) === 1);
  expect(await seconds(app.drain())).toBeLessThan(2);
});

test('a request that arrives on an open connection after closing began is still served', async () => {
  const { gate, configure } = gated({ delayMs: 0 });
  const { app, url, port } = await start(configure);
  const inFlight = request(`${url}/wait`);
  const socket = await open(port);
  await until(async () => gate.entered === 1 && (await connectionsOf(app)) === 2);
  const drained = app.drain();
  await until(() => app.closing.aborted);
  await expect(open(port)).rejects.toThrow('ECONNREFUSED');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 200 OK[^]*connection: close[^]*fine$/i);
  gate.open();
  await inFlight;
  await drained;
});

test('what is stuck is cut when its time is up', async () => {
  const { gate, configure } = gated({ delayMs: 0, timeoutMs: 100 });
  const { app, url, port, logs } = await start(configure);
  const stuck = request(`${url}/wait`);
  const half = exchange(port, 'GET / HTTP/1.1\r\nhos');
  stuck.catch(() => undefined);
  await until(async () => gate.entered === 1 && (await connectionsOf(app)) === 2);
  expect(await seconds(app.drain())).toBeLessThan(1);
  await expect(stuck).rejects.toThrow('socket hang up');
  await half;
  expect(logs.some(({ msg }) => String(msg).startsWith('closing took too long'))).toBe(true);
});

test('draining twice is draining once', async () => {
  const { configure } = gated({ delayMs: 0 });
  const { app } = await start(configure);
  const first = app.drain();
  expect(app.drain()).toBe(first);
  await first;
});

test('closing without a drain ends in the same way', async () => {
  const { gate, configure } = gated({ delayMs: 60_000 });
  const { app, url } = await start(configure);
  const inFlight = request(`${url}/wait`);
  await until(() => gate.entered === 1);
  const closed = seconds(app.close());
  await until(() => app.closing.aborted);
  gate.open();
  expect((await inFlight).response.headers.connection).toBe('close');
  expect(await closed).toBeLessThan(1);
});

function connectionsOf(app: HttpApp): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  return promise;
}
