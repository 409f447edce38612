import { setTimeout as sleep } from 'node:timers/promises';

export interface Rate {
  answered: () => number;
  /**
   * What was not answered with 2xx, or not at all. Load shedding is no failure: it says that this machine is busy, which
   * is not what is tested.
   */
  failures: string[];
  /** Resolves when the last request is answered. */
  stop: () => Promise<void>;
}

/** How long a request may take before it counts as failed, in milliseconds. */
const PATIENCE_MS = 30_000;

/**
 * Sends requests at a fixed rate, whether or not those before have been answered: users do not wait for one another.
 *
 * @param request makes one; its answer is read to the end
 */
export function startRate(perSecond: number, request: (signal: AbortSignal) => Promise<Response>): Rate {
  const failures: string[] = [];
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  let answered = 0;

  async function send(): Promise<void> {
    try {
      const response = await request(AbortSignal.timeout(PATIENCE_MS));
      const body = await response.text();
      if (response.ok) answered++;
      else if (!body.includes('"overloaded"'))
        failures.push(`${response.url} answered ${response.status}: ${body}`);
    } catch (error) {
      const { cause, message } = error as Error;
      failures.push(`${message}: ${String(cause)}`);
    }
  }

  async function sendAll(): Promise<void> {
    const begun = performance.now();
    for (let count = 0; !stopping.signal.aborted; count++) {
      const due = begun + (count * 1_000) / perSecond;
      if (due > performance.now()) await sleep(due - performance.now());
      const sending: Promise<void> = send().finally(() => running.delete(sending));
      running.add(sending);
    }
  }

  const sending = sendAll();
  return {
    answered: () => answered,
    failures,
    async stop() {
      stopping.abort();
      await sending;
      await Promise.all(running);
    },
  };
}
