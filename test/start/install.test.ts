import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const SCRIPT = join(PROJECT, 'scripts/install.js');

/** Stands in for npm: writes down what it was asked for, then ends as it is told. */
const FAKE_NPM = `
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
appendFileSync('calls', process.argv.slice(2).join(' ') + '\\n');
const status = Number(process.env.FAKE_STATUS);
if (status === 0) setTimeout(() => {
  mkdirSync('node_modules', { recursive: true });
  writeFileSync('node_modules/.package-lock.json', '{}');
}, 300);
else process.exit(status);
`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'stowage-install-'));
  mkdirSync(join(root, 'scripts'));
  copyFileSync(SCRIPT, join(root, 'scripts/install.js'));
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(root, 'package-lock.json'), '{}');
  writeFileSync(join(root, 'calls'), '');
  writeFileSync(join(root, 'npm.cjs'), FAKE_NPM);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const options = (fakeStatus = 0) => ({
  cwd: root,
  env: { ...process.env, npm_execpath: join(root, 'npm.cjs'), FAKE_STATUS: String(fakeStatus) },
});
const calls = () => readFileSync(join(root, 'calls'), 'utf8');

function install(fakeStatus = 0): { status: number | null; calls: string } {
  const { status } = spawnSync(process.execPath, ['scripts/install.js'], options(fakeStatus));
  return { status, calls: calls() };
}

/** As npm leaves it after an install, some seconds ago or ahead of the lockfile. */
function markInstalled(secondsAfterLockfile: number): void {
  mkdirSync(join(root, 'node_modules'));
  const mark = join(root, 'node_modules/.package-lock.json');
  writeFileSync(mark, '{}');
  const lockfileAt = Date.now() / 1_000 - 100;
  utimesSync(join(root, 'package-lock.json'), lockfileAt, lockfileAt);
  utimesSync(mark, lockfileAt + secondsAfterLockfile, lockfileAt + secondsAfterLockfile);
}

test('it installs what the lockfile says where node_modules is missing', () => {
  expect(install()).toEqual({ status: 0, calls: 'ci --loglevel=error\n' });
});

test('it installs when the lockfile changed since', () => {
  markInstalled(-5);
  expect(install()).toEqual({ status: 0, calls: 'ci --loglevel=error\n' });
});

test('it installs again after an install that did not finish', () => {
  mkdirSync(join(root, 'node_modules/some-package'), { recursive: true });
  expect(install().calls).toBe('ci --loglevel=error\n');
});

test('it does nothing when everything is installed', () => {
  markInstalled(5);
  expect(install()).toEqual({ status: 0, calls: '' });
});

test('a failed install fails, with npm’s own status', () => {
  expect(install(7)).toEqual({ status: 7, calls: 'ci --loglevel=error\n' });
});

test('two at once install once', async () => {
  const both = [1, 2].map(() => spawn(process.execPath, ['scripts/install.js'], options()));
  const ends = await Promise.all(both.map((child) => once(child, 'exit')));
  expect(ends).toEqual([
    [0, null],
    [0, null],
  ]);
  expect(calls()).toBe('ci --loglevel=error\n');
});

test('what an install that was killed holds is taken over', () => {
  writeFileSync(join(root, '.installing'), '4194304'); // Above the highest pid of Linux.
  expect(install()).toEqual({ status: 0, calls: 'ci --loglevel=error\n' });
  expect(existsSync(join(root, '.installing'))).toBe(false);
});

test('npm runs it first, under the settings of .npmrc', () => {
  for (const name of ['package.json', '.npmrc']) copyFileSync(join(PROJECT, name), join(root, name));
  // The install fails, so that nothing after it runs.
  const { status, stderr } = spawnSync('npm', ['start'], { cwd: root, encoding: 'utf8' });
  expect(stderr).toContain('Installing what package-lock.json names');
  expect(status).not.toBe(0);
});

test.each(['start', 'test', 'stow', 'env', 'test:compose', 'measure:images'])(
  'npm run %s works on a clone where nothing is installed',
  (name) => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    expect(scripts[name]).toMatch(/^node scripts\/install\.js && /);
  },
);

test('it is plain JavaScript that an old Node runs, without dependencies', () => {
  const source = readFileSync(SCRIPT, 'utf8');
  const imported = [...source.matchAll(/from '([^']+)'/g)].map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((name) => !name?.startsWith('node:'))).toEqual([]);
});
