import { setTimeout as sleep } from 'node:timers/promises';
import { parseEvents } from '../../../scripts/stow/server-sent-events.ts';
import type { Dataset } from '../../../scripts/stow/contract.ts';

export interface Watcher {
  /** Streams that were opened one after the other. */
  streams: number;
  /** Streams that were refused or broke off instead of ending. */
  failures: string[];
  /** Resolves to the dataset in its final state. */
  final: Promise<Dataset>;
}

/** Watches a dataset as a browser's EventSource does: when the stream ends, it connects again. */
export function watch(baseUrl: string, id: string): Watcher {
  const watcher = { streams: 0, failures: [] as string[] };

  async function listen(): Promise<Dataset | undefined> {
    watcher.streams++;
    const response = await fetch(`${baseUrl}/v1/datasets/${id}/events`);
    if (!response.ok || !response.body)
      throw new Error(`answered ${response.status}: ${await response.text()}`);
    let last: Dataset | undefined;
    for await (const { data } of parseEvents(response.body)) last = JSON.parse(data) as Dataset;
    return last;
  }

  async function untilFinal(): Promise<Dataset> {
    for (;;) {
      try {
        const last = await listen();
        if (last && ['ready', 'failed', 'deleting'].includes(last.status)) return last;
      } catch (error) {
        const { message, cause } = error as Error;
        await sleep(200);
        // Load shedding: this machine is busy, which is not what is tested.
        if (message.includes('"overloaded"')) continue;
        watcher.failures.push(`${message}: ${String(cause)}`);
        if (watcher.failures.length > 10) throw error;
      }
    }
  }

  const final = untilFinal();
  final.catch(() => undefined); // Whoever awaits it is told.
  return Object.assign(watcher, { final });
}
