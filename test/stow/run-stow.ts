import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll } from 'vitest';

const CLI = join(import.meta.dirname, '../../scripts/stow.ts');

const children = new Set<ChildProcess>();
let root = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stow-test-'));
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true });
});

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Standard input; it stays open when this is null. */
  input?: string | null;
  env?: Record<string, string>;
  cwd?: string;
}

export interface Running {
  child: ChildProcessByStdio<Writable, Readable, Readable>;
  outcome: Promise<Outcome>;
}

/** Starts the real command as a child process; it does not outlive the test file. */
export function startStow(args: string[], { input = '', env = {}, cwd }: RunOptions = {}): Running {
  const child = spawn(process.execPath, [CLI, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('close', () => children.delete(child));
  // It may end without reading its input.
  child.stdin.on('error', () => undefined);
  if (input !== null) child.stdin.end(input);
  const outcome = Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]).then(
    ([stdout, stderr]) => ({ status: child.exitCode, stdout, stderr }),
  );
  return { child, outcome };
}

export async function stow(args: string[], options?: RunOptions): Promise<Outcome> {
  return await startStow(args, options).outcome;
}

/** Like `stow`, for when anything but exit status 0 is a mistake. */
export async function stowed(args: string[], options?: RunOptions): Promise<Outcome> {
  const outcome = await stow(args, options);
  if (outcome.status !== 0) throw new Error(`exit status ${outcome.status}: ${outcome.stderr}`);
  return outcome;
}

/** An empty folder, which goes with the test file. */
export async function temporaryFolder(): Promise<string> {
  return await mkdtemp(join(root, 'test-'));
}

export async function temporaryFile(name: string, content: string): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}
