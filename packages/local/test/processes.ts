import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';

/** Waits until something holds; fails when it never does. */
export async function eventually(holds: () => unknown, timeout = 10_000): Promise<void> {
  await expect.poll(async () => Boolean(await holds()), { timeout, interval: 20 }).toBe(true);
}

/** Whether a process runs; one that has ended but that nobody waited for does not. */
export function runs(pid: number): boolean {
  return processes().some((one) => one.pid === pid);
}

interface Process {
  pid: number;
  parent: number;
  group: number;
  args: string;
}

/** Every running process of this machine. */
export function processes(): Process[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,args='], { encoding: 'utf8' });
  return [...rows.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/gm)]
    .filter(([, , , , state = '']) => !state.startsWith('Z'))
    .map(([, pid, parent, group, , args = '']) => ({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      args,
    }));
}
