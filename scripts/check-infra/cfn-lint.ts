import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const requirements = path('scripts/check-infra/requirements.txt');
const tools = path('.tools');
const PYTHON = process.env['PYTHON'] ?? 'python3';

/** What a person can mend: the message says how. */
export class ToolError extends Error {
  override name = 'ToolError';
}

/** I4010 wants each resource's purpose as metadata, too: here comments and descriptions have it. */
const RULES = ['--include-checks', 'I', '--include-experimental', '--ignore-checks', 'I4010'];

/**
 * Lints templates as CloudFormation in the regions would take them, every finding an error, informational ones too.
 *
 * @returns whether there was none; they were printed
 * @throws {ToolError} when cfn-lint is not there and cannot be installed
 */
export function lint(templates: readonly string[], regions: readonly string[]): boolean {
  const python = findPython();
  // cfn-lint has a command but no module to run, and the command would not look into this folder.
  const args = [
    '-c',
    'import sys; from cfnlint.runner import main; sys.exit(main())',
    ...RULES,
    '--regions',
    ...regions,
    '--template',
    ...templates,
  ];
  const { status } = spawnSync(python, args, {
    stdio: 'inherit',
    env: { ...process.env, PYTHONPATH: installed(python) },
  });
  return status === 0;
}

/** Whether cfn-lint is there, so that linting needs neither a network nor more than a few seconds. */
export function isInstalled(): boolean {
  return isPython(PYTHON) && existsSync(folderFor(PYTHON));
}

function findPython(): string {
  if (isPython(PYTHON)) return PYTHON;
  throw new ToolError(
    `cfn-lint needs Python 3.10 or newer, and \`${PYTHON}\` is none: install it, or name one by PYTHON=…`,
  );
}

function isPython(command: string): boolean {
  return succeeds([command, '-c', 'import sys; sys.exit(sys.version_info < (3, 10))']);
}

/** Its name has the Python and the requirements in it, so that another version of either gets a folder of its own. */
function folderFor(python: string): string {
  const version = spawnSync(python, ['--version'], { encoding: 'utf8' }).stdout;
  const digest = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  return `${tools}/cfn-lint-${digest.slice(0, 12)}`;
}

/** The folder with cfn-lint, installed if it is not there. */
function installed(python: string): string {
  const folder = folderFor(python);
  if (existsSync(folder)) return folder;

  console.error('Installing cfn-lint into .tools …');
  const unfinished = `${tools}/unfinished-${process.pid}`;
  try {
    mkdirSync(unfinished, { recursive: true });
    const args = ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
    run(
      pip(python, unfinished),
      ...args,
      '--require-hashes',
      '-r',
      requirements,
      '--target',
      `${unfinished}/lib`,
    );
    // Under its name only when complete. Another process may have been faster: then that one's is as good.
    if (!existsSync(folder)) renameSync(`${unfinished}/lib`, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** Python's own pip, or that of a virtual environment: Debian packs the two apart, and either may be missing. */
function pip(python: string, folder: string): string[] {
  const own = [python, '-m', 'pip'];
  if (succeeds([...own, '--version'])) return own;
  if (succeeds([python, '-m', 'venv', `${folder}/venv`])) return [`${folder}/venv/bin/python`, '-m', 'pip'];
  throw new ToolError(
    `\`${python}\` has neither pip nor venv to install cfn-lint with: install one of them (Debian: python3-pip or python3-venv)`,
  );
}

function succeeds([command = '', ...args]: string[]): boolean {
  return spawnSync(command, args).status === 0;
}

function run([command = '', ...before]: string[], ...args: string[]): void {
  // Standard output is for findings.
  const { status } = spawnSync(command, [...before, ...args], { stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    throw new ToolError(
      'cfn-lint could not be installed (see above). It comes from PyPI: without a network, run this once where there is one',
    );
  }
}

function path(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}
