import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../src/free-port.ts';
import { supervise, type Supervisor } from '../src/supervisor.ts';
import { eventually, runs } from './processes.ts';

const SERVICE = join(import.meta.dirname, 'programs/service.ts');

let supervisor: Supervisor | undefined;
afterEach(() => supervisor?.stop(0));

async function start(environment: Record<string, string> = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const lines: string[] = [];
  const ends: { how: string; at: number }[] = [];
  supervisor = supervise({
    services: [
      {
        name: 'one',
        script: SERVICE,
        environment: { PORT: String(port), ...environment },
        healthUrl: `${url}/health`,
      },
    ],
    onLine: (name, line) => lines.push(`${name}: ${line}`),
    onEnd: (name, how) => ends.push({ how: `${name} ${how}`, at: performance.now() }),
  });
  const supervised = supervisor;
  const pid = () => supervised.pids()['one'] ?? 0;
  return { supervised, url, lines, ends, pid };
}

test('a service is ready when it is healthy, and its lines are passed on', async () => {
  const { supervised, lines, pid } = await start();
  await supervised.ready;
  await eventually(() => lines.length > 0);
  expect(lines).toEqual([`one: listening ${pid()}`]);
});

test('a service that dies is started again, however it died, and that is said', async () => {
  const { supervised, url, ends, pid } = await start();
  await supervised.ready;
  const first = pid();
  process.kill(first, 'SIGKILL');
  await eventually(() =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  expect(pid()).not.toBe(first);
  await fetch(`${url}/exit/3`).catch(() => undefined);
  await eventually(() => ends.length === 2);
  expect(ends.map(({ how }) => how)).toEqual(['one was ended by SIGKILL', 'one exited with status 3']);
});

test('each start again waits longer than the one before', async () => {
  const { supervised, ends, pid } = await start();
  await supervised.ready;
  const startedAt: number[] = [];
  for (let kill = 0; kill < 3; kill++) {
    await eventually(() => pid() !== 0);
    startedAt.push(performance.now());
    process.kill(pid(), 'SIGKILL');
    await eventually(() => ends.length === kill + 1);
  }
  const waits = startedAt.slice(1).map((at, index) => at - (ends[index]?.at ?? 0));
  expect(waits[0]).toBeGreaterThanOrEqual(240);
  expect(waits[1]).toBeGreaterThanOrEqual(490);
  expect(waits[1]).toBeLessThan(1_500);
});

test('a service that cannot start is not tried again: ready rejects', async () => {
  const { supervised, ends, pid } = await start({ BROKEN: '1' });
  await expect(supervised.ready).rejects.toThrow('one exited with status 7 before all services were healthy');
  expect(ends).toEqual([]);
  expect(pid()).toBe(0);
});

test('stop asks by SIGTERM and waits for the end', async () => {
  const { supervised, lines, ends, pid } = await start();
  await supervised.ready;
  const service = pid();
  await supervised.stop(10_000);
  expect(runs(service)).toBe(false);
  expect(lines).toContain('one: stopping');
  expect(ends).toEqual([]);
});

test('stop kills a service that does not end within its grace', async () => {
  const { supervised, lines, pid } = await start({ STUBBORN: '1' });
  await supervised.ready;
  const service = pid();
  const begun = performance.now();
  await supervised.stop(300);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(290);
  expect(runs(service)).toBe(false);
  expect(lines).toContain('one: stopping');
});

test('stop ends the wait of a service that is to be started again', async () => {
  const { supervised, ends, pid } = await start();
  await supervised.ready;
  process.kill(pid(), 'SIGKILL');
  await eventually(() => ends.length === 1);
  await supervised.stop(10_000);
  expect(pid()).toBe(0);
});

test('services end when their supervisor is killed, even one that ignores signals', async () => {
  const parent = fork(join(import.meta.dirname, 'programs/supervisor.ts'), [String(await freePort())]);
  const [service] = (await once(parent, 'message')) as [number];
  expect(runs(service)).toBe(true);
  parent.kill('SIGKILL');
  await eventually(() => !runs(service));
});
