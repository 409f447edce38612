/**
 * Exponential back-off with full jitter: uniformly random between 0 and `min(cap, base * 2^(attempt - 1))`, in the
 * unit of `base` and `cap`. Of the usual kinds it spreads a crowd of retries best (AWS Architecture Blog,
 * "Exponential Backoff And Jitter").
 *
 * @param attempt counts from 1
 */
export function fullJitter(attempt: number, base: number, cap: number): number {
  return Math.random() * Math.min(cap, base * 2 ** (attempt - 1));
}

/** Resolves after `ms` milliseconds, or as soon as one of the signals aborts. Never rejects. */
export function sleep(ms: number, ...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      for (const signal of signals) signal.removeEventListener('abort', wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    for (const signal of signals) signal.addEventListener('abort', wake);
    if (signals.some((signal) => signal.aborted)) wake();
  });
}

/** Resolves when `work` settles, at the latest after `ms` milliseconds. Never rejects. */
export async function settledWithin(ms: number, work: Iterable<Promise<unknown>>): Promise<void> {
  const settled = new AbortController();
  void Promise.allSettled(work).then(() => settled.abort());
  await sleep(ms, settled.signal);
}
