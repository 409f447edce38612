import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(import.meta.resolve('../src/main.ts'));

/** Runs the worker, which is expected to end by itself. */
function run(env: Record<string, string>): Promise<{ code: unknown; lines: Record<string, unknown>[] }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN], { env, timeout: 20_000 }, (error, stdout) => {
      const lines = stdout.split('\n').filter(Boolean);
      resolve({
        code: error?.code ?? 0,
        lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
      });
    });
  });
}

test('a worker without settings ends with one line that names every one of them', async () => {
  const { code, lines } = await run({ WORKER_SLOTS: '0' });
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'fatal', service: 'worker' });
  const names = [
    'AWS_REGION',
    'BUCKET_NAME',
    'TABLE_NAME',
    'QUEUE_URL',
    'DATABASE_SECRET_ID or DATABASE_URL',
  ];
  for (const name of [...names, 'WORKER_SLOTS']) expect(lines[0]?.['msg']).toContain(name);
});
