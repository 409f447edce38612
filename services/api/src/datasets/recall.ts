import type { Dataset, DatasetRef } from '@stowage/datasets';

/** How long a dataset counts as ready after it was asked for and was, in milliseconds. */
const READY_FOR_MS = 1_000;

type Get = (ref: DatasetRef) => Promise<Dataset | undefined>;

export interface Recall {
  /** The dataset as it is now. */
  latest: Get;
  /** The same, unless it was ready within the last second: then as it was. */
  recent: Get;
  /** To be called when the dataset has changed. */
  forget: (ref: DatasetRef) => void;
}

/**
 * Saves readers of pages the question whether their dataset is ready, which takes longer than the page. That may be
 * remembered since the only thing that ever happens to a dataset that is ready is its deletion: one that is asked for here
 * is known here at once, one that is asked for elsewhere a second later, or as soon as anybody has seen it here.
 */
export function createRecall(get: Get): Recall {
  const ready = new Map<string, Promise<Dataset | undefined>>();
  const keyOf = ({ tenant, id }: DatasetRef) => `${tenant} ${id}`;
  const forget = (ref: DatasetRef) => void ready.delete(keyOf(ref));

  async function latest(ref: DatasetRef): Promise<Dataset | undefined> {
    const dataset = await get(ref);
    if (dataset?.status !== 'ready') forget(ref);
    return dataset;
  }

  return {
    latest,
    forget,
    async recent(ref) {
      const key = keyOf(ref);
      const shared = ready.get(key);
      const known = shared && (await shared.catch(() => undefined));
      if (known?.status === 'ready') return known;
      // Kept from the beginning, not from when it is answered: what is forgotten meanwhile stays so.
      const asked = latest(ref);
      ready.set(key, asked);
      setTimeout(() => ready.get(key) === asked && ready.delete(key), READY_FOR_MS).unref();
      return asked;
    },
  };
}
