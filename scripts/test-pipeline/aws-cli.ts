import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const requirements = path('requirements.txt');
const tools = path('../../.tools');

/**
 * Brings the command `aws`: the AWS CLI, of the version that is pinned (1, as Python's registry has it; 2 comes as an
 * installer).
 *
 * @throws when it cannot be installed
 */
export async function startAwsCli(): Promise<{ folder: string; close: () => void }> {
  const python = findPython();
  const folder = mkdtempSync(join(tmpdir(), 'stowage-aws-'));
  const socket = join(folder, 'socket');
  const client = `#!/bin/sh\nexec '${python}' -SE '${path('aws-client.py')}' '${socket}' "$@"\n`;
  writeFileSync(join(folder, 'aws'), client, { mode: 0o755 });
  const server = spawn(python, [path('aws-server.py'), socket], {
    env: { ...process.env, PYTHONPATH: installed(python) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const close = () => {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const [first] = (await Promise.race([once(server.stdout, 'data'), once(server, 'exit')])) as [unknown];
  if (String(first).trim() === 'ready') return { folder, close };
  close();
  throw new Error('the AWS CLI does not start');
}

/** The interpreter itself, not a wrapper that finds it anew each time. */
function findPython(): string {
  const name = process.env['PYTHON'] ?? 'python3';
  const { stdout } = spawnSync(name, ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  if (!stdout)
    throw new Error(`\`${name}\` cannot be run: install Python 3.10 or newer, or name one by PYTHON=…`);
  return stdout.trim();
}

/**
 * The folder with the AWS CLI, installed if it is not there. Its name has the Python and the requirements in it, so that
 * another version of either gets a folder of its own.
 */
function installed(python: string): string {
  const { stdout: version } = spawnSync(python, ['--version'], { encoding: 'utf8' });
  const digest = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  const folder = `${tools}/awscli-${digest.slice(0, 12)}`;
  if (existsSync(folder)) return folder;

  console.error('Installing the AWS CLI into .tools …');
  const unfinished = `${tools}/unfinished-${process.pid}`;
  try {
    mkdirSync(unfinished, { recursive: true });
    install(python, unfinished, `${unfinished}/lib`);
    // Under its name only when complete. Another process may have been faster: then that one's is as good.
    if (!existsSync(folder)) renameSync(`${unfinished}/lib`, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** By Python's own pip, or by that of a virtual environment: Debian packs the two apart, and either may be missing. */
function install(python: string, scratch: string, target: string): void {
  const hasPip = spawnSync(python, ['-m', 'pip', '--version']).status === 0;
  if (!hasPip) run(python, '-m', 'venv', `${scratch}/venv`);
  const pip = hasPip ? python : `${scratch}/venv/bin/python`;
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
  run(pip, '-m', 'pip', 'install', ...options, '--require-hashes', '-r', requirements, '--target', target);
}

function run(command: string, ...args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0)
    throw new Error(`the AWS CLI could not be installed: ${command} ${args.join(' ')} failed`);
}
