import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createLogger, createTaskProtection, type TaskProtection } from '../src/index.ts';

/** Bodies that the agent of ECS got, and how it answers. */
const asked: unknown[] = [];
let answer: (body: { ProtectionEnabled: boolean }) => { status?: number; body: unknown } | 'nothing';
const agent = createServer((request, response) => {
  let text = '';
  request.on('data', (part: Buffer) => (text += part.toString()));
  request.on('end', () => {
    const body = JSON.parse(text) as { ProtectionEnabled: boolean };
    asked.push({ at: `${request.method} ${request.url}`, ...body });
    const answered = answer(body);
    if (answered === 'nothing') return;
    response.writeHead(answered.status ?? 200).end(JSON.stringify(answered.body));
  });
});
let ECS_AGENT_URI: string;
const lines: string[] = [];
const log = createLogger(
  { service: 'test', version: 'test', level: 'warn' },
  { write: (line: string) => void lines.push(line) },
);

beforeAll(async () => {
  await once(agent.listen(0, '127.0.0.1'), 'listening');
  ECS_AGENT_URI = `http://127.0.0.1:${(agent.address() as AddressInfo).port}/api/task-1`;
});
afterAll(() => {
  agent.close();
  agent.closeAllConnections();
});
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  asked.length = 0;
  lines.length = 0;
  answer = ({ ProtectionEnabled }) => ({ body: { protection: { ProtectionEnabled, TaskArn: 'arn' } } });
});
afterEach(() => void vi.useRealTimers());

const at = 'PUT /api/task-1/task-protection/v1/state';
const ON = { at, ProtectionEnabled: true, ExpiresInMinutes: 5 };
const OFF = { at, ProtectionEnabled: false };
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** Lets time pass for the timers alone: calls are real, and take their own. */
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

/** What was asked for, all in all; to be polled. */
const all = () => asked;
const PATIENCE = { timeout: 5 * SECOND };

async function busy(): Promise<TaskProtection> {
  const protection = createTaskProtection(log, { ECS_AGENT_URI });
  protection.setBusy(true);
  await expect.poll(all, PATIENCE).toEqual([ON]);
  return protection;
}

test('a task is protected as soon as it is busy, and no more once it has been idle for 10 s', async () => {
  const protection = await busy();
  protection.setBusy(false);
  await pass(9 * SECOND);
  protection.setBusy(true);
  protection.setBusy(false);
  await pass(10 * SECOND);
  await expect.poll(all, PATIENCE).toEqual([ON, OFF]);
  protection.setBusy(true);
  await expect.poll(all, PATIENCE).toEqual([ON, OFF, ON]);
  await protection.stop();
});

test('moments between two messages are nobody’s business', async () => {
  const protection = await busy();
  for (let message = 0; message < 50; message++) {
    protection.setBusy(false);
    await pass(500);
    protection.setBusy(true);
    await pass(500);
  }
  await pass(11 * SECOND);
  await expect.poll(all, PATIENCE).toEqual([ON, ON]); // the refresh after a minute
  await protection.stop();
});

test('a task that is never idle is refreshed each minute, and gives ECS a turn now and then', async () => {
  const protection = await busy();
  for (let minute = 1; minute <= 17; minute++) await pass(MINUTE);
  await expect.poll(all, PATIENCE).toEqual([...Array.from({ length: 15 }, () => ON), OFF, ON, ON]);
  await protection.stop();
});

test('a task that becomes idle in its turn is left alone, and protected again when it is busy', async () => {
  const protection = await busy();
  for (let minute = 1; minute <= 15; minute++) await pass(MINUTE);
  protection.setBusy(false);
  await pass(10 * MINUTE);
  protection.setBusy(true);
  await expect.poll(all, PATIENCE).toEqual([...Array.from({ length: 15 }, () => ON), OFF, OFF, ON]);
  await protection.stop();
});

test('a stop takes it off, and a task that was idle asks for nothing', async () => {
  const protection = await busy();
  await protection.stop();
  await createTaskProtection(log, { ECS_AGENT_URI }).stop();
  await pass(10 * MINUTE);
  expect(asked).toEqual([ON, OFF]);
});

test('ECS hears what is asked in order, however slow it answers', async () => {
  answer = () => 'nothing';
  const protection = await busy();
  protection.setBusy(false);
  await pass(10 * SECOND);
  await expect.poll(all, PATIENCE).toEqual([ON]); // The next waits for it, until it is given up.
  answer = () => ({ body: { protection: { ProtectionEnabled: false } } });
  await expect.poll(all, PATIENCE).toEqual([ON, OFF]);
  await protection.stop();
});

test.each([
  [
    'a failure, with status 200',
    () => ({ body: { failure: { Reason: 'TASK_NOT_VALID' } } }),
    'TASK_NOT_VALID',
  ],
  ['an error', () => ({ status: 400, body: { error: { Code: 'AccessDeniedException' } } }), 'AccessDenied'],
  ['no JSON', () => ({ status: 502, body: undefined }), 'JSON'],
])('%s is logged, and tried again with the next refresh', async (_, failing, reason) => {
  answer = failing;
  const protection = await busy();
  await expect.poll(() => lines).toEqual([expect.stringContaining(reason)]);
  await pass(MINUTE);
  await expect.poll(all, PATIENCE).toEqual([ON, ON]);
  await protection.stop();
});

test('a stop waits for no answer that never comes', async () => {
  answer = () => 'nothing';
  const protection = await busy();
  const begun = performance.now();
  await protection.stop();
  expect(performance.now() - begun).toBeLessThan(2 * SECOND);
  expect(asked).toEqual([ON, OFF]);
});

test.each([undefined, ''])('outside of ECS nothing is done (ECS_AGENT_URI is %o)', async (uri) => {
  const protection = createTaskProtection(log, uri === undefined ? {} : { ECS_AGENT_URI: uri });
  protection.setBusy(true);
  await pass(MINUTE);
  await protection.stop();
  expect([asked, lines]).toEqual([[], []]);
});
