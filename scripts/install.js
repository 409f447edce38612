// Runs first in `npm start` and `npm test`, on whatever Node the machine has: so plain JavaScript and no dependencies.
// Not as `prestart`: with ignore-scripts (.npmrc) npm would leave that out.
// Installs exactly what the lockfile says when that has not been done since it changed.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const changedAt = (name) =>
  statSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), { throwIfNoEntry: false })?.mtimeMs;

const lockfile = changedAt('package-lock.json') ?? 0;
const installed = changedAt('node_modules/.package-lock.json');

if (installed === undefined || installed < lockfile) {
  console.log('Installing what package-lock.json names …');
  const npm = process.env.npm_execpath;
  const [command, ...args] = npm ? [process.execPath, npm] : ['npm'];
  const { status } = spawnSync(command, [...args, 'ci', '--loglevel=error'], { stdio: 'inherit' });
  process.exit(status ?? 1);
}
