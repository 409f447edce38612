import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';

interface Line {
  level: string;
  msg: string;
  part?: string;
  err?: { message: string; stack: string };
  [more: string]: unknown;
}

const PROGRAM = fileURLToPath(new URL('program.ts', import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function run(misfortune = 'none', environment: Record<string, string> = {}) {
  const env = { QUEUE: 'work', LOG_LEVEL: 'debug', VERSION: 'abc123', ...environment };
  const child = spawn(process.execPath, [PROGRAM, misfortune], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const lines: Line[] = [];
  const seen = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.msg === 'ready' || line.msg === 'hanging') seen.resolve();
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text));
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => {
      seen.reject(new Error(`it ended: ${complaints}`));
      resolve(code ?? signal);
    });
  });
  seen.promise.catch(() => undefined); // Not every test waits for it.
  return {
    lines,
    /** Resolves when it has started, or hangs while it does. */
    started: seen.promise,
    terminate: (signal: NodeJS.Signals = 'SIGTERM') => child.kill(signal),
    /** The exit status. */
    ended,
    parts: (message: string) => lines.filter(({ msg }) => msg === message).map(({ part }) => part),
    complaints: () => complaints,
  };
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops the parts in reverse order and exits 0',
  async (signal) => {
    const program = run();
    await program.started;
    program.terminate(signal);
    expect(await program.ended).toBe(0);
    expect(program.parts('part stopped')).toEqual(['third', 'second', 'first']);
    expect(program.lines).toContainEqual(expect.objectContaining({ level: 'info', signal, msg: 'stopping' }));
    expect(program.lines.at(-1)).toMatchObject({ msg: 'stopped', clean: true });
    expect(program.complaints()).toBe('');
  },
);

test('a process starts with a logger and a registry that know its version', async () => {
  const program = run();
  await program.started;
  const labels = { service: 'program', version: 'abc123' };
  expect(program.lines).toMatchObject([{ ...labels, msg: 'ready', build: labels }]);
});

test('what a part reports when it stops is logged', async () => {
  const program = run();
  await program.started;
  program.terminate();
  await program.ended;
  const third = program.lines.find(({ part }) => part === 'third');
  expect(third).toMatchObject({ report: { drained: 3 }, ms: expect.any(Number) });
});

test('when a part fails to stop the rest still stop, and the exit status is 1', async () => {
  const program = run('stop-fails');
  await program.started;
  program.terminate();
  expect(await program.ended).toBe(1);
  expect(program.parts('part stopped')).toEqual(['third', 'first']);
  expect(program.lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      part: 'second',
      msg: 'part failed to stop',
      err: expect.objectContaining({ message: 'second will not' }),
    }),
  );
});

test('a stop that hangs is ended at the deadline with status 1', async () => {
  const program = run('stop-hangs', { STOP_DEADLINE_MS: '300' });
  await program.started;
  const begun = performance.now();
  program.terminate();
  expect(await program.ended).toBe(1);
  expect(performance.now() - begun).toBeGreaterThan(250);
  expect(performance.now() - begun).toBeLessThan(4_000);
  expect(program.lines.at(-1)).toMatchObject({ level: 'error', msg: 'could not stop in time' });
});

test.each([
  ['exception', 'nobody caught me'],
  ['rejection', 'nobody awaited me'],
])(
  'one %s that nobody handles is logged as fatal, and everything is stopped',
  async (misfortune, message) => {
    const program = run(misfortune);
    expect(await program.ended).toBe(1);
    const fatal = program.lines.filter(({ level }) => level === 'fatal');
    expect(fatal).toMatchObject([{ msg: 'fatal error', err: { message } }]);
    expect(fatal[0]?.err?.stack).toContain('program.ts');
    expect(program.parts('part stopped')).toEqual(['third', 'second', 'first']);
  },
);

test('a configuration that cannot be used is one fatal line that names every problem', async () => {
  const program = run('none', { QUEUE: '', LOG_LEVEL: 'loud', STOP_DEADLINE_MS: '1' });
  expect(await program.ended).toBe(1);
  expect(program.lines).toHaveLength(1);
  expect(program.lines[0]).toMatchObject({ level: 'fatal', service: 'program', version: 'abc123' });
  expect(program.lines[0]).not.toHaveProperty('err');
  for (const problem of [
    'QUEUE is not set (where work is)',
    'LOG_LEVEL must be one of trace,',
    'STOP_DEADLINE_MS must be >= 100',
  ]) {
    expect(program.lines[0]?.msg).toContain(problem);
  }
  expect(program.complaints()).toBe('');
});

test('when a part fails to start, those before it are stopped', async () => {
  const program = run('start-fails');
  expect(await program.ended).toBe(1);
  expect(program.lines).toContainEqual(
    expect.objectContaining({
      level: 'fatal',
      msg: 'could not start',
      err: expect.objectContaining({ message: 'no third part' }),
    }),
  );
  expect(program.parts('part stopped')).toEqual(['second', 'first']);
});

test('a failed start ends at the deadline even if what was started does not stop', async () => {
  const begun = performance.now();
  const program = run('start-fails-stop-hangs', { STOP_DEADLINE_MS: '300' });
  expect(await program.ended).toBe(1);
  expect(performance.now() - begun).toBeLessThan(4_000);
});

test('finish() stops everything and exits 0', async () => {
  const program = run('finish');
  expect(await program.ended).toBe(0);
  expect(program.parts('part stopped')).toEqual(['third', 'second', 'first']);
});

test('a process that is stopped before it has started everything does not exit as if it were done', async () => {
  const program = run('start-hangs');
  await program.started;
  program.terminate();
  expect(await program.ended).toBe(1);
  expect(program.parts('part stopped')).toEqual(['second', 'first']);
});
