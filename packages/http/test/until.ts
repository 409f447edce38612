import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `condition` holds. Fails after `ms`. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 3_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms`);
    await sleep(5);
  }
}
