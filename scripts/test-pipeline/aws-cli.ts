import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));
const tools = fileURLToPath(new URL('../../.tools', import.meta.url));

/**
 * A folder with the command `aws`, for a PATH: the AWS CLI of a pinned version, which Python's registry has (version 1;
 * 2 comes as an installer). It is installed if it is not there, under a name with the Python and the requirements in it,
 * so that another version of either gets a folder of its own.
 *
 * @throws when there is no Python to install it with, or no network
 */
export function awsCli(): string {
  const python = process.env['PYTHON'] ?? 'python3';
  const { stdout: version } = spawnSync(python, ['--version'], { encoding: 'utf8' });
  if (!version)
    throw new Error(`\`${python}\` cannot be run: install Python 3.10 or newer, or name one by PYTHON=…`);
  const digest = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  const folder = `${tools}/awscli-${digest.slice(0, 12)}`;
  if (existsSync(folder)) return `${folder}/bin`;

  console.error('Installing the AWS CLI into .tools …');
  const unfinished = `${tools}/unfinished-${process.pid}`;
  try {
    mkdirSync(`${unfinished}/awscli/bin`, { recursive: true });
    install(python, unfinished, `${unfinished}/awscli/lib`);
    const command = `#!/bin/sh\nPYTHONPATH='${folder}/lib' exec '${python}' -m awscli "$@"\n`;
    writeFileSync(`${unfinished}/awscli/bin/aws`, command, { mode: 0o755 });
    // Under its name only when complete. Another process may have been faster: then that one's is as good.
    if (!existsSync(folder)) renameSync(`${unfinished}/awscli`, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return `${folder}/bin`;
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
