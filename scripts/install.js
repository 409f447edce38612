// Runs first in the scripts that a fresh clone is used with, on whatever Node the machine has: so plain JavaScript and no
// dependencies. Not as `prestart`: with ignore-scripts (.npmrc) npm would leave that out.
// Installs exactly what the lockfile says when that has not been done since it changed.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const changedAt = (name) => statSync(path(name), { throwIfNoEntry: false })?.mtimeMs;
const isInstalled = () =>
  changedAt('node_modules/.package-lock.json') >= (changedAt('package-lock.json') ?? 0);

/** Held while one process installs: `npm run stow` in a second terminal must not undo what `npm start` has begun. */
const LOCK = path('.installing');

function holderRuns() {
  try {
    // Between making the file and writing to it, it is empty for a moment: that is pid 0, this process's own group.
    return process.kill(Number(readFileSync(LOCK, 'utf8')), 0);
  } catch {
    return false;
  }
}

/** Takes the lock, or says that somebody who still runs has it. */
function take() {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (!holderRuns()) rmSync(LOCK, { force: true });
    return false;
  }
}

if (!isInstalled()) {
  while (!take()) await sleep(200);
  // Another may have installed while this one waited.
  let status = 0;
  if (!isInstalled()) {
    console.error('Installing what package-lock.json names …');
    const npm = process.env.npm_execpath;
    const [command, ...args] = npm ? [process.execPath, npm] : ['npm'];
    // Standard output belongs to the script that runs next.
    ({ status } = spawnSync(command, [...args, 'ci', '--loglevel=error'], { stdio: ['ignore', 2, 2] }));
  }
  rmSync(LOCK, { force: true });
  process.exit(status ?? 1);
}
