import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryPolicy {
  /** How often to try in all. */
  tries: number;
  /** Milliseconds to wait after this failure, or undefined when another try cannot help. */
  delayMs: (error: unknown, attempt: number) => number | undefined;
  /** Called before each wait. */
  onRetry?: ((error: unknown, waitMs: number) => void) | undefined;
}

/** Runs the action until it succeeds, at most `tries` times. Rejects with its last error. */
export async function retry<T>(action: () => Promise<T>, policy: RetryPolicy): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await action();
    } catch (error) {
      const waitMs = attempt < policy.tries ? policy.delayMs(error, attempt) : undefined;
      if (waitMs === undefined) throw error;
      policy.onRetry?.(error, waitMs);
      await sleep(waitMs);
    }
  }
}

/** Exponential back-off with full jitter, so that clients cut off together do not come back together. */
export function backoffMs(attempt: number, baseMs = 300): number {
  return Math.random() * baseMs * 2 ** (attempt - 1);
}
