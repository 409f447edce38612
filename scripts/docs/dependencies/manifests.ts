import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

interface Manifest {
  name: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Who names a package, by the short names of workspaces. */
export interface Direct {
  runtime: string[];
  development: string[];
}

/** What every package.json names, except this repository's own packages. */
export function directDependencies(): Map<string, Direct> {
  const found = new Map<string, Direct>();
  const files = ['package.json', ...globSync('{packages,services}/*/package.json', { cwd: root })];
  for (const file of files.toSorted()) {
    const manifest = readJson(file) as Manifest;
    const user = manifest.name.replace('@stowage/', '');
    const add = (kind: keyof Direct, names: Record<string, string> = {}): void => {
      for (const name of Object.keys(names).filter((each) => !each.startsWith('@stowage/'))) {
        const direct = found.get(name) ?? { runtime: [], development: [] };
        direct[kind].push(user);
        found.set(name, direct);
      }
    };
    add('runtime', manifest.dependencies);
    add('runtime', manifest.optionalDependencies);
    add('development', manifest.devDependencies);
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

interface Locked {
  version?: string;
  license?: string;
  dev?: boolean;
  link?: boolean;
}

/** A package that is installed, and the licence that it names. */
export interface Installed {
  name: string;
  licence: string;
}

/**
 * What is installed without development dependencies, from the lockfile: the same on every machine, also for packages
 * of other platforms.
 *
 * @throws for a package that names no licence anywhere
 */
export function runtimePackages(): Installed[] {
  const { packages } = readJson('package-lock.json') as { packages: Record<string, Locked> };
  const installed = Object.entries(packages)
    .filter(([path, { dev, link }]) => path.includes('node_modules/') && !dev && !link)
    .map(([path, { license }]): [string, string] => [
      path.split('node_modules/').at(-1) ?? path,
      license ?? olderField(path),
    ]);
  return [...new Map(installed.map(([name, licence]) => [`${name} ${licence}`, { name, licence }])).values()];
}

/** Packages from before 2015 or so have a list, which npm does not put into the lockfile. */
function olderField(path: string): string {
  const { licenses } = readJson(`${path}/package.json`) as { licenses?: { type: string }[] };
  const [first, ...more] = licenses ?? [];
  if (first === undefined || more.length > 0)
    throw new Error(`${path} does not name one licence: may it be used?`);
  return first.type;
}

const readJson = (file: string): unknown => JSON.parse(readFileSync(join(root, file), 'utf8'));
