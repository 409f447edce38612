import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the embedded stack keeps everything. */
export const stateDir = fileURLToPath(new URL('../../.local', import.meta.url));

const file = `${stateDir}/running.json`;

/** What a running stack tells other commands of this checkout. */
export interface RunningState {
  pid: number;
  url?: string;
  databaseUrl?: string;
  environment?: Record<string, string>;
}

/** @throws when another stack runs on this checkout’s state */
export function claimState(): void {
  const other = runningState();
  if (other)
    throw new Error(`it runs already, as process ${other.pid}${other.url ? `, on ${other.url}` : ''}`);
  mkdirSync(stateDir, { recursive: true });
  write({ pid: process.pid });
}

export function publishState(state: Omit<RunningState, 'pid'>): void {
  write({ pid: process.pid, ...state });
}

export function releaseState(): void {
  rmSync(file, { force: true });
}

/** undefined when no stack runs; what a killed one left behind does not count. */
export function runningState(): RunningState | undefined {
  if (!existsSync(file)) return undefined;
  const state = JSON.parse(readFileSync(file, 'utf8')) as RunningState;
  return state.pid !== process.pid && isAlive(state.pid) ? state : undefined;
}

function write(state: RunningState): void {
  writeFileSync(file, JSON.stringify(state, null, 2), { mode: 0o600 });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
