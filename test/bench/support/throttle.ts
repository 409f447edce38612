import { readdirSync, readFileSync } from 'node:fs';

/** Linux' own for containers: the quota is given anew this often (cgroup-v2.rst, cpu.max). */
const PERIOD_MS = 100;
/** How often a look is taken at what was spent. */
const LOOK_MS = 3;

/**
 * Holds a process to a share of a core, as a container's limit does: it is stopped when it has spent its share of a
 * period, until the next one begins. Linux only. Returns what ends it.
 *
 * @param share of a core; 0.5 is half of one
 */
export function throttle(pid: number, share: number): () => void {
  let budget = 0;
  let spent = spentMs(pid);
  let periodEndsAt = 0;
  let stopped = false;
  const timer = setInterval(() => {
    const now = performance.now();
    const total = spentMs(pid);
    budget -= total - spent;
    spent = total;
    if (now >= periodEndsAt) {
      // What was overdrawn is made up for; what was not spent is lost.
      budget = Math.min(budget, 0) + share * PERIOD_MS;
      periodEndsAt = Math.max(periodEndsAt + PERIOD_MS, now);
    }
    if (budget <= 0 !== stopped) {
      stopped = !stopped;
      process.kill(pid, stopped ? 'SIGSTOP' : 'SIGCONT');
    }
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
    if (stopped) process.kill(pid, 'SIGCONT');
  };
}

/** CPU time of all threads so far, in milliseconds; finer than /proc/PID/stat, which counts hundredths of a second. */
function spentMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    const [nanoseconds] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ');
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}
