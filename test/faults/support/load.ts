import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Dataset, Page } from '../../../scripts/stow/contract.ts';
import type { Application } from '../../support/application.ts';
import { createClient, type Upload } from '../../support/client.ts';
import { expectLoaded, type File, makeFile } from './file.ts';
import { openQueues } from './queues.ts';

/** What became of a request that was not answered as it should be. */
export interface Failure {
  request: string;
  /** Undefined when there was no answer: the connection was refused or lost. */
  status?: number;
  code?: string;
  retryAfter?: string | null;
  ms: number;
}

/** Clients at work: they make, upload, complete, look up and delete datasets until they are stopped. */
export interface Load {
  /** Datasets whose `complete` was acknowledged. */
  completed: Map<string, File>;
  /** Datasets whose deletion was acknowledged. */
  deleted: Set<string>;
  failures: Failure[];
  /** Resolves when the last request is answered. */
  stop: () => Promise<void>;
}

/** How long a client waits for an answer: longer than the api may take. */
const PATIENCE_MS = 25_000;

/** When clients that were stopped have still not got through, in milliseconds: a key is held for half a minute at most. */
const GIVE_UP_MS = 90_000;

/**
 * Starts clients that do what the contract tells them to: a request that fails is sent again, with the same
 * `Idempotency-Key`, until it is acknowledged. Every fifth dataset is deleted again.
 *
 * @param options.clients how many work at a time
 * @param options.pauseMs between two datasets of a client
 * @param options.records of each file
 */
export function startLoad(
  url: string,
  options: { clients?: number; pauseMs?: number; records?: number } = {},
): Load {
  const { clients = 2, pauseMs = 300, records = 800 } = options;
  const load: Omit<Load, 'stop'> = { completed: new Map(), deleted: new Set(), failures: [] };
  const uploads = createClient(url);
  const stopping = new AbortController();

  async function acknowledged<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = {
      'idempotency-key': randomUUID(),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    for (let repeated = false; ; repeated = true) {
      const begun = performance.now();
      const failed = (rest: Partial<Failure>) =>
        load.failures.push({ request: `${method} ${path}`, ms: performance.now() - begun, ...rest });
      try {
        const response = await fetch(`${url}${path}`, {
          method,
          headers,
          signal: AbortSignal.timeout(PATIENCE_MS),
          ...(body ? { body: JSON.stringify(body) } : {}),
        });
        const answer = (await response.json()) as T & { code?: string };
        // The answer to a deletion may be lost, and the dataset be gone before it is asked for again.
        const gone = repeated && method === 'DELETE' && response.status === 404;
        if (response.ok || gone) return answer;
        // Load shedding: this machine is busy, which is not what is tested.
        if (answer.code !== 'overloaded')
          failed({
            status: response.status,
            code: answer.code ?? '',
            retryAfter: response.headers.get('retry-after'),
          });
      } catch (error) {
        failed({ code: String((error as Error).cause ?? error) });
      }
      await sleep(100);
    }
  }

  async function useOnce(turn: number): Promise<void> {
    const file = makeFile(records);
    const { dataset, upload } = await acknowledged<{ dataset: Dataset; upload: Upload }>(
      'POST',
      '/v1/datasets',
      { name: `load ${turn}` },
    );
    const { id } = dataset;
    const sent = await uploads.upload(upload, file.csv);
    if (!sent.ok) throw new Error(`S3 answered ${sent.status}: ${await sent.text()}`);
    await acknowledged('POST', `/v1/datasets/${id}/complete`);
    const { status } = await acknowledged<Dataset>('GET', `/v1/datasets/${id}`);
    if (status === 'awaiting_upload') throw new Error(`${id} was completed and awaits its upload`);
    const { items } = await acknowledged<Page<Dataset>>('GET', '/v1/datasets?limit=20');
    if (!items.some((item) => item.id === id)) throw new Error(`${id} is not listed`);
    if (turn % 5 === 4) {
      await acknowledged('DELETE', `/v1/datasets/${id}`);
      load.deleted.add(id);
    } else {
      load.completed.set(id, file);
    }
  }

  async function work(): Promise<void> {
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      await useOnce(turn);
      await sleep(pauseMs);
    }
  }

  async function tooLong(): Promise<never> {
    await sleep(GIVE_UP_MS, undefined, { ref: false });
    throw new Error(`clients still try: ${JSON.stringify(load.failures.slice(-5))}`);
  }

  const working = Promise.all(Array.from({ length: clients }, work));
  working.catch(() => undefined); // `stop` tells.
  return {
    ...load,
    async stop() {
      stopping.abort();
      await Promise.race([working, tooLong()]);
    },
  };
}

/** Stops a load and looks whether everything that was acknowledged holds. */
export async function expectKept(application: Pick<Application, 'url' | 'stack'>, load: Load): Promise<void> {
  await load.stop();
  expect(load.completed.size).toBeGreaterThan(0);
  await expectLoaded(application, load.completed);
  for (const id of load.deleted) {
    const status = async () => (await fetch(`${application.url}/v1/datasets/${id}`)).status;
    await expect.poll(status, { timeout: 30_000 }).toBe(404);
  }
  using queues = openQueues(application.stack);
  expect(await queues.size(queues.deadLetters)).toBe(0);
}
