import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';

/** Where the embedded stack keeps everything. */
export const stateDir = fileURLToPath(new URL('../../.local', import.meta.url));

const file = `${stateDir}/running.json`;

/** For how long a look at the state by another command may hold the lock, in milliseconds. */
const PATIENCE_MS = 500;

/** What a running stack tells other commands of this checkout. */
export interface RunningState {
  pid: number;
  url?: string;
  databaseUrl?: string;
  environment?: Record<string, string>;
}

let held: DatabaseSync | undefined;

/** @throws when another stack runs on this checkout's state */
export function claimState(): void {
  mkdirSync(stateDir, { recursive: true });
  held = lock();
  if (!held) {
    const { pid, url } = read();
    throw new Error(`it runs already, as process ${pid}${url ? `, on ${url}` : ''}`);
  }
  write({ pid: process.pid });
}

export function publishState(state: Omit<RunningState, 'pid'>): void {
  write({ pid: process.pid, ...state });
}

export function releaseState(): void {
  rmSync(file, { force: true });
  held?.close();
}

/** undefined when no stack runs; what a killed one left behind does not count. */
export function runningState(): RunningState | undefined {
  mkdirSync(stateDir, { recursive: true });
  const free = lock();
  free?.close();
  return free ? undefined : read();
}

/**
 * A lock that the system frees however its holder ends, which a file with a process id does not: ids are given again.
 * Node offers no lock on a file but SQLite's.
 */
function lock(): DatabaseSync | undefined {
  const database = new DatabaseSync(`${stateDir}/lock`, { timeout: PATIENCE_MS });
  try {
    database.exec('BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    if ((error as { errstr?: string }).errstr === 'database is locked') return undefined;
    throw error;
  }
}

function read(): RunningState {
  return JSON.parse(readFileSync(file, 'utf8')) as RunningState;
}

function write(state: RunningState): void {
  writeFileSync(file, JSON.stringify(state, null, 2), { mode: 0o600 });
}
