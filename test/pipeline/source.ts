import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));

const AUTHOR = ['-c', 'user.name=Test', '-c', 'user.email=test@example.com'];

/**
 * A repository of its own with the project as it is here, uncommitted changes and all, to make commits in.
 *
 * @param options.installed lends it what the project has installed
 */
export function createSource(options: { installed?: boolean } = {}) {
  const root = mkdtempSync(join(tmpdir(), 'stowage-source-'));
  const files = run(project, 'git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard').split(
    '\0',
  );
  for (const file of files.filter(Boolean)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    // One that is deleted here and not yet in Git is left out.
    cpSync(join(project, file), join(root, file), { force: true, preserveTimestamps: true });
  }
  if (options.installed) lendModules(root);
  run(root, 'git', 'init', '--quiet', '--initial-branch', 'main');

  const checkout = (commit: string): void => void run(root, 'git', 'checkout', '--quiet', '--force', commit);

  return {
    root,
    read: (file: string): string => readFileSync(join(root, file), 'utf8'),
    write: (file: string, text: string): void => writeFileSync(join(root, file), text),
    /** Commits files with new contents on top of a commit, or as the first one, and returns the new one's SHA. */
    commit(parent: string | undefined, contents: Record<string, string>): string {
      if (parent !== undefined) checkout(parent);
      for (const [file, text] of Object.entries(contents)) writeFileSync(join(root, file), text);
      run(root, 'git', 'add', '--all');
      run(root, 'git', ...AUTHOR, 'commit', '--quiet', '--message', Object.keys(contents).join(', '));
      return run(root, 'git', 'rev-parse', 'HEAD').trim();
    },
    checkout,
    remove: (): void => rmSync(root, { recursive: true, force: true }),
  };
}

export type Source = ReturnType<typeof createSource>;

/** By a link each, so that nothing that is deleted there is deleted here. */
function lendModules(root: string): void {
  mkdirSync(join(root, 'node_modules'));
  for (const name of readdirSync(join(project, 'node_modules'))) {
    symlinkSync(join(project, 'node_modules', name), join(root, 'node_modules', name));
  }
}

function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
