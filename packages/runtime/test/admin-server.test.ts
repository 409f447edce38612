import { afterEach, expect, test } from 'vitest';
import { Gauge } from 'prom-client';
import { type AdminServer, createMetrics, PortError, startAdminServer } from '../src/index.ts';

const running: AdminServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

async function start(options: { port?: number; isLive?: () => boolean } = {}) {
  const registry = createMetrics('worker', 'abc123');
  const server = await startAdminServer({ host: '127.0.0.1', port: 0, registry, ...options });
  running.push(server);
  return { ...server, registry, url: `http://127.0.0.1:${server.port}` };
}

test('/metrics answers in Prometheus’ text format', async () => {
  const { url } = await start();
  const response = await fetch(`${url}/metrics?from=anywhere`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
  expect(await response.text()).toContain('build_info{service="worker",version="abc123"} 1');
});

test('a metric that cannot be collected is 500, and the server goes on', async () => {
  const { url, registry } = await start();
  const broken = new Gauge({
    name: 'broken',
    help: 'Fails.',
    collect() {
      throw new Error('no figures');
    },
  });
  registry.registerMetric(broken);
  expect((await fetch(`${url}/metrics`)).status).toBe(500);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test('/health is 200 while the process is live and 503 when it is not', async () => {
  let live = true;
  const { url } = await start({ isLive: () => live });
  const ok = await fetch(`${url}/health`);
  expect([ok.status, await ok.json()]).toEqual([200, { status: 'ok' }]);
  live = false;
  const stuck = await fetch(`${url}/health`);
  expect([stuck.status, await stuck.json()]).toEqual([503, { status: 'stuck' }]);
});

test('another path is 404 and another method 405', async () => {
  const { url } = await start();
  expect((await fetch(`${url}/v1/datasets`)).status).toBe(404);
  const refused = await fetch(`${url}/health`, { method: 'POST' });
  expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  const head = await fetch(`${url}/health`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test('a port that is taken is one line that names the setting', async () => {
  const { port } = await start();
  const refused = start({ port });
  await expect(refused).rejects.toBeInstanceOf(PortError);
  await expect(refused).rejects.toThrow(`port ${port} is taken: set ADMIN_PORT to another one`);
});

test('closing does not wait for whoever is still being answered', async () => {
  const { registry, close, url } = await start();
  const asked = Promise.withResolvers<void>();
  const slow = new Gauge({
    name: 'slow',
    help: 'Never collected.',
    collect() {
      asked.resolve();
      return new Promise(() => undefined);
    },
  });
  registry.registerMetric(slow);
  const scraped = fetch(`${url}/metrics`);
  await asked.promise;
  await Promise.all([close(), expect(scraped).rejects.toThrow('fetch failed')]);
});
