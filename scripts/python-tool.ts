import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const tools = fileURLToPath(new URL('../.tools', import.meta.url));

/** A program from PyPI, for Python 3.10 and newer. */
export interface PythonTool {
  /** PyPI's. */
  name: string;
  /** Path of the file that pins it and all it needs, each file by its hash. */
  requirements: string;
}

/** What a person can mend: the message says how. */
export class ToolError extends Error {
  override name = 'ToolError';
}

/**
 * Installs a tool into a folder of its own below `.tools/`, if it is not there.
 *
 * @returns the interpreter to run it with, and the folder to be its `PYTHONPATH`
 * @throws {ToolError} when there is no Python to run it, or it cannot be installed
 */
export function install(tool: PythonTool): { python: string; folder: string } {
  const python = findPython();
  if (python === undefined) {
    throw new ToolError(
      `${tool.name} needs Python 3.10 or newer, and \`${command()}\` is none: install it, or name one by PYTHON=…`,
    );
  }
  const folder = folderFor(tool, python);
  if (existsSync(folder)) return { python, folder };

  console.error(`Installing ${tool.name} into .tools …`);
  const unfinished = `${tools}/unfinished-${process.pid}`;
  try {
    mkdirSync(unfinished, { recursive: true });
    download(tool, pip(tool, python, unfinished), `${unfinished}/lib`);
    // Under its name only when complete. Another process may have been faster: then that one's is as good.
    if (!existsSync(folder)) renameSync(`${unfinished}/lib`, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return { python, folder };
}

/** Whether a tool is there, so that running it needs no network. */
export function isInstalled(tool: PythonTool): boolean {
  const python = findPython();
  return python !== undefined && existsSync(folderFor(tool, python));
}

const command = (): string => process.env['PYTHON'] ?? 'python3';

/** The interpreter itself, not a wrapper that finds it anew each time. */
function findPython(): string | undefined {
  const program = 'import sys; sys.version_info < (3, 10) or print(sys.executable)';
  const { status, stdout } = spawnSync(command(), ['-c', program], { encoding: 'utf8' });
  return (status === 0 && stdout.trim()) || undefined;
}

/** Its name has the Python and the requirements in it, so that another version of either gets a folder of its own. */
function folderFor({ name, requirements }: PythonTool, python: string): string {
  const version = spawnSync(python, ['--version'], { encoding: 'utf8' }).stdout;
  const digest = createHash('sha256').update(version).update(readFileSync(requirements)).digest('hex');
  return `${tools}/${name}-${digest.slice(0, 12)}`;
}

/** The Python with pip, or a virtual environment of it: Debian packs the two apart, and either may be missing. */
function pip({ name }: PythonTool, python: string, scratch: string): string {
  if (spawnSync(python, ['-m', 'pip', '--version']).status === 0) return python;
  if (spawnSync(python, ['-m', 'venv', `${scratch}/venv`]).status === 0) return `${scratch}/venv/bin/python`;
  throw new ToolError(
    `\`${python}\` has neither pip nor venv to install ${name} with: install one of them (Debian: python3-pip or python3-venv)`,
  );
}

function download({ name, requirements }: PythonTool, python: string, target: string): void {
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary', ':all:'];
  const files = ['--require-hashes', '-r', requirements, '--target', target];
  // Standard output is for what the tool says.
  const { status } = spawnSync(python, ['-m', 'pip', 'install', ...options, ...files], {
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) {
    throw new ToolError(
      `${name} could not be installed (see above). It comes from PyPI: without a network, run this once where there is one`,
    );
  }
}
