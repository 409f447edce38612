import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A service to keep running. */
export interface ServiceSpec {
  name: string;
  /** Path of the program. */
  script: string;
  environment: Record<string, string>;
  /** Answers 200 once the service runs. */
  healthUrl: string;
}

export interface Supervisor {
  /** Resolves once every service is healthy; rejects if one ends before, which is then not started again. */
  ready: Promise<void>;
  pids: () => Record<string, number>;
  /** SIGTERM to all, SIGKILL to those that are still there after `graceMs`. */
  stop: (graceMs: number) => Promise<void>;
}

/** Waits before a service is started again, in milliseconds: doubled while it keeps dying, at most the second. */
const RESTART_MS = { first: 250, most: 10_000, calmAfter: 10_000 };

const EXIT_WITH_PARENT = fileURLToPath(new URL('exit-with-parent.ts', import.meta.url));

/**
 * Keeps services running as ECS would: each a process of its own, started again when it dies. Not before all were
 * healthy once, though: what cannot start has a cause that a person must mend.
 *
 * @param options.onLine gets every line that a service writes
 * @param options.onEnd is told of every end that nobody asked for
 */
export function supervise(options: {
  services: ServiceSpec[];
  onLine: (service: string, line: string) => void;
  onEnd: (service: string, how: string) => void;
}): Supervisor {
  const { services, onLine, onEnd } = options;
  const running = new Map<string, ChildProcess>();
  const stopping = new AbortController();
  const failed = Promise.withResolvers<never>();
  let started = false;

  async function keepRunning(spec: ServiceSpec): Promise<void> {
    let wait = RESTART_MS.first;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const child = launch(spec, onLine);
      running.set(spec.name, child);
      // Not 'exit': its last lines may still be on their way then.
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      running.delete(spec.name);
      if (stopping.signal.aborted) return;
      const how = signal ? `was ended by ${signal}` : `exited with status ${code}`;
      if (!started) {
        failed.reject(new Error(`${spec.name} ${how} before all services were healthy`));
        return;
      }
      onEnd(spec.name, how);
      if (performance.now() - startedAt > RESTART_MS.calmAfter) wait = RESTART_MS.first;
      await sleep(wait, undefined, { signal: stopping.signal }).catch(() => undefined);
      wait = Math.min(wait * 2, RESTART_MS.most);
    }
  }

  const kept = services.map(keepRunning);
  const healthy = Promise.all(services.map(({ healthUrl }) => untilHealthy(healthUrl, stopping.signal)));
  return {
    ready: Promise.race([healthy, failed.promise]).then(() => void (started = true)),
    pids: () => Object.fromEntries([...running].map(([name, { pid = 0 }]) => [name, pid])),
    async stop(graceMs) {
      stopping.abort();
      for (const child of running.values()) child.kill('SIGTERM');
      const ended = Promise.all(kept);
      const inTime = await Promise.race([ended.then(() => true), sleep(graceMs, false, { ref: false })]);
      if (!inTime) for (const child of running.values()) child.kill('SIGKILL');
      await ended;
    },
  };
}

function launch(
  { name, script, environment }: ServiceSpec,
  onLine: (service: string, line: string) => void,
): ChildProcess {
  const child = spawn(process.execPath, ['--import', EXIT_WITH_PARENT, script], {
    // Its own process group: Ctrl-C reaches the supervisor alone, which then stops everything in order.
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => onLine(name, line));
  }
  return child;
}

async function untilHealthy(url: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const healthy = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(1_000)]) }).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return;
    await sleep(20);
  }
}
