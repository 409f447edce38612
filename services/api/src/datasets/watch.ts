import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type DatasetRef, FINAL } from '@stowage/datasets';
import type { ServerSentEvent } from '@stowage/http';
import type { DatasetView } from './schemas.ts';

/** How often a watched dataset is read, in milliseconds, however many watch it. */
const POLL_MS = 400;

/** The events of one dataset, until a final status, or until `signal` aborts. None for a dataset that is gone. */
export type Watch = (ref: DatasetRef, signal: AbortSignal) => AsyncGenerator<ServerSentEvent>;

/**
 * Follows datasets for those who watch: one poll a dataset, not one a watcher.
 *
 * @param get the dataset, or undefined when it is gone
 */
export function createWatch(get: (ref: DatasetRef) => Promise<DatasetView | undefined>): Watch {
  const polls = new Map<string, Poll>();

  /** Who asks within the interval shares the read of who asked first. */
  function latest(poll: Poll, ref: DatasetRef): Promise<DatasetView | undefined> {
    const now = performance.now();
    if (!poll.latest || now - poll.at >= POLL_MS) {
      poll.latest = get(ref);
      poll.at = now;
    }
    return poll.latest;
  }

  return async function* watch(ref, signal) {
    const key = `${ref.tenant} ${ref.id}`;
    const poll = polls.get(key) ?? { watchers: 0, at: 0 };
    polls.set(key, poll);
    poll.watchers++;
    let shown: DatasetView | undefined;
    try {
      while (!signal.aborted) {
        const dataset = (await latest(poll, ref)) ?? deleted(shown);
        if (!dataset) return;
        if (!isDeepStrictEqual(dataset, shown)) yield { event: 'progress', data: dataset };
        shown = dataset;
        if (FINAL.includes(dataset.status)) return;
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      if (--poll.watchers === 0) polls.delete(key);
    }
  };
}

/** A dataset goes by way of `deleting` alone, for less than the interval if it is small: who watches is told all the same. */
const deleted = (shown: DatasetView | undefined): DatasetView | undefined =>
  shown && { ...shown, status: 'deleting' };

interface Poll {
  watchers: number;
  at: number;
  latest?: Promise<DatasetView | undefined>;
}
