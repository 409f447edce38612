import { expect, test } from 'vitest';
import { createMetrics } from '../src/index.ts';

test('metrics say what runs here, and how Node is', async () => {
  const text = await createMetrics('api', 'abc123').metrics();
  expect(text).toContain('build_info{service="api",version="abc123"} 1');
  expect(text).toMatch(/^process_cpu_seconds_total \d/m);
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
});

test('each registry is its own', async () => {
  createMetrics('api', 'one');
  expect(await createMetrics('api', 'two').metrics()).not.toContain('version="one"');
});
