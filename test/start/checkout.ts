import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { expect, vi } from 'vitest';
import { type Process, processes } from './processes.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** A program that runs, and what it has printed. */
export interface Running {
  child: ChildProcess;
  output: () => string;
  /** Resolves once a line matches. */
  prints: (line: RegExp) => Promise<void>;
  /** Resolves to the exit status; rejects if that takes too long. */
  exit: () => Promise<number | null>;
}

export interface Checkout {
  root: string;
  ports: { api: number; admin: number };
  url: string;
  /** Runs npm in it; detached, so that the test runner's own terminal and signals do not matter. */
  npm: (args: string[], environment?: Record<string, string>) => Running;
  run: (command: string, args: string[], environment?: Record<string, string>) => Running;
  /** Every process that was started in it and still runs. */
  left: () => Process[];
  /** Kills all of them at once, by `kill -9`. */
  kill: () => void;
  remove: () => void;
}

/**
 * The project in a folder of its own, with a state and ports of its own: scripts are copied, as they find the state
 * beside themselves; all else is the project's by links. It has no lockfile, so that nothing is ever installed in it,
 * which would go through the link and take the project's own node_modules away.
 */
export async function createCheckout(options: { workers?: number } = {}): Promise<Checkout> {
  const root = mkdtempSync(join(tmpdir(), 'stowage-checkout-'));
  for (const name of ['package.json', '.npmrc', 'scripts']) {
    cpSync(join(project, name), join(root, name), { recursive: true, preserveTimestamps: true });
  }
  for (const name of ['infra', 'node_modules', 'packages', 'services', 'test']) {
    symlinkSync(join(project, name), join(root, name));
  }
  const admin = await freePorts(2 + (options.workers ?? 1));
  const ports = { api: admin + 1 + (options.workers ?? 1), admin };
  const groups = new Set<number | undefined>();

  const run: Checkout['run'] = (command, args, environment = {}) => {
    const env = { ...withoutNpm(process.env), PORT: String(ports.api), ADMIN_PORT: String(ports.admin) };
    const child = spawn(command, args, { cwd: root, detached: true, env: { ...env, ...environment } });
    groups.add(child.pid);
    return follow(child);
  };
  const left = () => processes().filter(({ args, group }) => groups.has(group) || args.includes(root));
  return {
    root,
    ports,
    url: `http://127.0.0.1:${ports.api}`,
    run,
    npm: (args, environment) => run('npm', args, environment),
    left,
    kill() {
      const pids = left().map(({ pid }) => String(pid));
      // Not one after another: some would end by themselves when others are gone. That is no failure.
      if (pids.length > 0) spawnSync('kill', ['-9', ...pids]);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

function follow(child: ChildProcess): Running {
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
  }
  const ended = once(child, 'close') as Promise<[number | null]>;
  const output = () => stripVTControlCharacters(text).replaceAll('\r', '');
  return {
    child,
    output,
    prints: (line) => vi.waitFor(() => expect(output()).toMatch(line), { timeout: 30_000, interval: 20 }),
    async exit() {
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      const [status] = await ended;
      clearTimeout(timer);
      return status;
    },
  };
}

/** What npm tells its scripts, which would confuse another npm below one. */
function withoutNpm(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^npm_|^INIT_CWD$/i.test(name)));
}

/** The first of some free ports in a row; below those that systems give to outgoing connections. */
async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (!free.includes(false)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
