import { setTimeout as sleep } from 'node:timers/promises';

/** How often AWS is asked how far something is, in seconds. */
const POLL_SECONDS = Number(process.env['POLL_SECONDS'] ?? 5);

/**
 * Asks until there is an answer.
 *
 * @param what is waited for, for the error
 * @param minutes after which nobody waits any longer
 * @param ask returns undefined for “not yet”
 * @throws when the time is up
 */
export async function until<T>(
  what: string,
  minutes: number,
  ask: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + minutes * 60_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: not after ${minutes} minutes`);
    await sleep(POLL_SECONDS * 1_000);
  }
}
