import type { Logger } from './logger.ts';

/** How long a protection lasts that nobody refreshes, in minutes: at most so long does ECS wait for a process that hangs. */
const EXPIRES_MINUTES = 5;
const REFRESH_MS = 60_000;
/** How long a task that has become idle stays protected: a call to ECS for each message would be too many. */
const LINGER_MS = 10_000;
/**
 * A task that is never idle gives ECS a turn after so many refreshes. A deployment waits for protected tasks, and would
 * wait for as long as there is work; who is stopped in the turn drains, and loses nothing.
 */
const REFRESHES_A_TURN = 15;
const TURN_MS = 60_000;
const CALL_TIMEOUT_MS = 2_000;
/** Of what is left of a stop, other parts need some, too. */
const STOP_MS = 1_000;

/** Keeps ECS from stopping a task that works when it scales in or deploys, as far as there is one that does not. */
export interface TaskProtection {
  /** For a consumer's `onBusyChange`. */
  setBusy: (busy: boolean) => void;
  /** Takes the protection off. */
  stop: () => Promise<void>;
}

/** What the agent of ECS answers (developer guide, task scale-in protection endpoint); a failure, too, with status 200. */
interface Answer {
  protection?: { ProtectionEnabled: boolean };
  failure?: { Reason: string };
  error?: { Code: string };
}

/**
 * Protects the task this process runs in while it is busy. What fails is logged and no more: a task that is stopped in
 * its work drains. Does nothing outside of ECS, which sets ECS_AGENT_URI.
 */
export function createTaskProtection(log: Logger, env: NodeJS.ProcessEnv = process.env): TaskProtection {
  const agent = env['ECS_AGENT_URI'];
  if (!agent) return { setBusy: () => undefined, stop: () => Promise.resolve() };

  const stopping = new AbortController();
  let calls = Promise.resolve();
  let refreshes = 0;
  /** Undefined while the task is idle; else when the protection is refreshed, or begins again after a turn. */
  let next: NodeJS.Timeout | undefined;
  let lingering: NodeJS.Timeout | undefined;

  async function put(enabled: boolean, cancel: AbortSignal): Promise<void> {
    const body = { ProtectionEnabled: enabled, ...(enabled ? { ExpiresInMinutes: EXPIRES_MINUTES } : {}) };
    try {
      const response = await fetch(`${agent}/task-protection/v1/state`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.any([cancel, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      });
      const { protection, failure, error } = (await response.json()) as Answer;
      if (protection?.ProtectionEnabled === enabled) return log.debug({ enabled }, 'task protection set');
      throw new Error(`ECS answered ${response.status} ${failure?.Reason ?? error?.Code ?? ''}`);
    } catch (err) {
      if (!cancel.aborted) log.warn({ err, enabled }, 'task protection could not be set');
    }
  }

  /** One after the other: ECS must not hear the last first. */
  const set = (enabled: boolean) => void (calls = calls.then(() => put(enabled, stopping.signal)));

  function protect(): void {
    set(true);
    refreshes += 1;
    next = setTimeout(refreshes < REFRESHES_A_TURN ? protect : giveTurn, REFRESH_MS).unref();
  }

  function giveTurn(): void {
    set(false);
    refreshes = 0;
    next = setTimeout(protect, TURN_MS).unref();
  }

  function release(): void {
    clearTimeout(next);
    next = undefined;
    refreshes = 0;
    set(false);
  }

  return {
    setBusy(busy) {
      clearTimeout(lingering);
      if (!busy) lingering = setTimeout(release, LINGER_MS).unref();
      else if (!next) protect();
    },
    async stop() {
      clearTimeout(lingering);
      clearTimeout(next);
      stopping.abort();
      await calls;
      if (next) await put(false, AbortSignal.timeout(STOP_MS));
    },
  };
}
