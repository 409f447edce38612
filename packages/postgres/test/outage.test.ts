import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { isDatabaseUnavailable } from '../src/index.ts';
import { failureOf, fixed, keepLog, startServer, until } from './support.ts';

afterEach(() => void vi.useRealTimers());

const server = await startServer();
const admin = await server.open({ applicationName: 'admin' });

/** A test run fails by itself when an error is not caught; this says it where it happened. */
const uncaught: unknown[] = [];
const note = (error: unknown) => void uncaught.push(error);
process.on('uncaughtExceptionMonitor', note);
afterAll(() => process.off('uncaughtExceptionMonitor', note));

const answers = (database: typeof admin) =>
  database.query('SELECT 1').then(
    () => true,
    () => false,
  );

test('a server that stops fails what runs and what comes as unavailable, and is used again once it is back', async () => {
  const database = await server.open();
  await Promise.all([database.query('SELECT pg_sleep(0.05)'), database.query('SELECT pg_sleep(0.05)')]); // one stays idle
  const running = failureOf(database.query('SELECT pg_sleep(20)'));
  const transaction = failureOf(
    database.transaction(async (client) => {
      await client.query('SELECT 1');
      await running; // The connection is lost while nothing runs on it.
      await until(() =>
        client.query('SELECT 1').then(
          () => false,
          () => true,
        ),
      );
      await client.query('SELECT 1');
    }),
  );
  await until(
    async () => (await admin.query("SELECT 1 FROM pg_stat_activity WHERE query ~ '20'")).length > 0,
  );
  await server.stop();
  const failures = [await running, await transaction, await failureOf(database.query('SELECT 1'))];
  expect(failures.map(isDatabaseUnavailable)).toEqual([true, true, true]);
  await server.start();
  await until(() => answers(database));
  expect(await database.transaction((client) => client.query('SELECT 1'))).toMatchObject({ rowCount: 1 });
  expect(uncaught).toEqual([]);
});

test('a server that is just starting or stopping counts as unavailable', () => {
  for (const code of ['57P01', '57P02', '57P03']) {
    expect(isDatabaseUnavailable(Object.assign(new Error('no'), { code }))).toBe(true);
  }
});

test('the loss of an idle connection is one short line, without what the connection is made of', async () => {
  const { log, lines } = keepLog();
  const database = await server.open({ applicationName: 'idle', log });
  await database.query('SELECT 1');
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'idle'");
  await until(() => Promise.resolve(lines.some((line) => line.includes('idle connection'))));
  expect(lines.filter((line) => line.includes('"level":"warn"'))).toHaveLength(1);
  for (const line of lines) expect(line.length).toBeLessThan(300);
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('a server that accepts and never answers counts as unavailable', async () => {
  const silent = createServer((socket) => void socket.on('error', () => undefined));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const database = await server.open({ source: fixed({ ...server.connection, port }) });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const outcome: { error?: unknown } = {};
  const failed = database.query('SELECT 1').catch((error: unknown) => (outcome.error = error));
  let elapsedMs = 0;
  for (; !outcome.error && elapsedMs < 10_000; elapsedMs += 100) {
    await sleep(1); // Real time, for the sockets.
    await vi.advanceTimersByTimeAsync(100);
  }
  await failed;
  expect(outcome.error).toSatisfy(isDatabaseUnavailable);
  expect(elapsedMs).toBeGreaterThanOrEqual(5_000);
  expect(elapsedMs).toBeLessThan(6_000);
  silent.close();
});

test('a server that falls silent in the middle is given up soon after the statement’s own limit', async () => {
  const database = await server.open({ maxConnections: 1, statementTimeoutMs: 200 });
  const [backend] = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = backend?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => void process.kill(pid, 'SIGCONT')); // or the server could not stop, either
  const begun = performance.now();
  expect(await failureOf(database.query('SELECT 1'))).toSatisfy(isDatabaseUnavailable);
  expect(performance.now() - begun).toBeLessThan(2_500);
  expect(await database.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
});

test('too many connections count as unavailable', async () => {
  await admin.query("CREATE ROLE lonely LOGIN PASSWORD 'a' CONNECTION LIMIT 1");
  const database = await server.open({
    source: fixed({ ...server.connection, user: 'lonely', password: 'a' }),
  });
  const error = await failureOf(
    Promise.all([database.query('SELECT pg_sleep(0.2)'), database.query('SELECT pg_sleep(0.2)')]),
  );
  expect(error).toMatchObject({ code: '53300' });
  expect(isDatabaseUnavailable(error)).toBe(true);
});

test('what a statement says wrong does not count, nor what is no error', async () => {
  for (const text of ['SELECT 1/0', 'SELEC 1', 'SELECT * FROM nowhere', "SELECT 'a'::int"]) {
    expect(await failureOf(admin.query(text))).not.toSatisfy(isDatabaseUnavailable);
  }
  for (const other of [new TypeError('no'), 'Connection terminated', undefined, null]) {
    expect(isDatabaseUnavailable(other)).toBe(false);
  }
});

test.each(['40001', '40P01', '55P03', '25006', 'ECONNREFUSED', 'ENOTFOUND'])(
  '%s counts as unavailable',
  (code) => {
    expect(isDatabaseUnavailable(Object.assign(new Error('no'), { code }))).toBe(true);
  },
);
