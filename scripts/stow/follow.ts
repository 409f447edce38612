import { setTimeout as sleep } from 'node:timers/promises';
import { isTransient, type ApiClient } from './api-client.ts';
import type { Dataset } from './contract.ts';

export interface FollowOptions {
  onChange: (dataset: Dataset) => void;
  /** Between two looks while the stream is broken. Default 1 s. */
  pollMs?: number;
  /** How long the api may be out of reach before this gives up: a restart passes, an outage does not. Default 30 s. */
  patienceMs?: number;
}

/**
 * Follows a dataset until its status is final, and resolves with it. Listens to the event stream; whenever that
 * breaks, looks once and listens again, so that a proxy which allows no stream makes this a poll each second.
 *
 * @throws ApiError at once when the api refuses, else the last error once the patience is used up
 */
export async function follow(
  api: Pick<ApiClient, 'dataset' | 'events'>,
  id: string,
  { onChange, pollMs = 1000, patienceMs = 30_000 }: FollowOptions,
): Promise<Dataset> {
  let heardAt = performance.now();

  const isFinal = (dataset: Dataset) => {
    heardAt = performance.now();
    onChange(dataset);
    return ['ready', 'failed', 'deleting'].includes(dataset.status);
  };
  const endure = (error: unknown) => {
    if (!isTransient(error) || performance.now() - heardAt > patienceMs) throw error;
  };

  for (;;) {
    try {
      for await (const dataset of api.events(id)) if (isFinal(dataset)) return dataset;
    } catch (error) {
      endure(error);
    }
    try {
      const dataset = await api.dataset(id);
      if (isFinal(dataset)) return dataset;
    } catch (error) {
      endure(error);
    }
    await sleep(pollMs);
  }
}
