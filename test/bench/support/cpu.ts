import { readdirSync, readFileSync } from 'node:fs';
import { Client } from 'pg';
import type { Stack } from '@stowage/local';

/** Of `/proc/PID/stat`: Linux counts in hundredths of a second wherever Node runs. */
const TICKS_A_SECOND = 100;

/**
 * CPU time that a process has spent so far, in seconds. Linux only.
 *
 * @param pid the running process
 * @param options.withEnded adds that of its children that have ended and were waited for
 */
export function cpuSeconds(pid = 0, { withEnded = false } = {}): number {
  const { user, system, endedUser, endedSystem } = stat(pid);
  return (user + system + (withEnded ? endedUser + endedSystem : 0)) / TICKS_A_SECOND;
}

/** CPU time of a process and of all its children, those that have ended too, in seconds: Postgres is one for each connection. */
export function familyCpuSeconds(pid: number): number {
  const running = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => tryStat(Number(name)) ?? []);
  const children = running.filter(({ parent }) => parent === pid);
  return (
    cpuSeconds(pid, { withEnded: true }) +
    children.reduce((sum, { user, system }) => sum + (user + system) / TICKS_A_SECOND, 0)
  );
}

/** Postgres' first process, whose children are the connections. */
export async function postmaster(stack: Stack): Promise<number> {
  const client = new Client(stack.databaseUrl);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = stat(rows[0]?.pid ?? 0).parent;
  await client.end();
  return pid;
}

interface Stat {
  parent: number;
  user: number;
  system: number;
  endedUser: number;
  endedSystem: number;
}

/** proc_pid_stat(5); the name in parentheses may hold anything. */
function stat(pid: number): Stat {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    parent: field(4),
    user: field(14),
    system: field(15),
    endedUser: field(16),
    endedSystem: field(17),
  };
}

function tryStat(pid: number): Stat | undefined {
  try {
    return stat(pid);
  } catch {
    return undefined; // it has just ended
  }
}
