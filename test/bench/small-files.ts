/* A thousand small files at once: what a file costs beside its bytes. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Stack } from '@stowage/local';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient } from '../support/client.ts';
import { atOnce } from './support/at-once.ts';
import { type Benchmark, median, spread, table, takeTurns } from './support/benchmark.ts';
import { cpuSeconds, familyCpuSeconds, postmaster } from './support/cpu.ts';
import { smallFile } from './support/small-file.ts';

const FILES = 1_000;
/** A store's own rate is measured with fewer: it does not depend on their number. */
const FILES_A_STORE = 200;
/** How many ask the api at the same time. */
const CLIENTS = 16;
const STORES = ['Postgres', 'DynamoDB', 'S3', 'SQS'] as const;
const PEER = fileURLToPath(new URL('peers/stores.ts', import.meta.url));

export default {
  title: 'Small files',
  rounds: 2,
  async run(rounds) {
    const application = await startApplication({ environment: { LOG_LEVEL: 'info' } });
    const { api = 0, 'worker-1': worker = 0 } = application.services.pids();
    const postgres = await postmaster(application.stack);
    const processes: Record<string, () => number> = {
      api: () => cpuSeconds(api),
      worker: () => cpuSeconds(worker),
      Postgres: () => familyCpuSeconds(postgres),
      'DynamoDB, S3, SQS and the client': () => cpuSeconds(process.pid),
    };
    const costs = new Map(Object.keys(processes).map((name) => [name, [] as number[]]));
    const rates = new Map(STORES.map((store) => [store, [] as number[]]));

    const ours = async (): Promise<number> => {
      const ids = await upload(application);
      const before = Object.values(processes).map((seconds) => seconds());
      const rate = await complete(application, ids);
      for (const [index, [name, seconds]] of Object.entries(processes).entries())
        costs.get(name)?.push(((seconds() - (before[index] ?? 0)) / FILES) * 1e3);
      await check(createClient(application.url), new Set(ids));
      return rate;
    };
    const stores = async (): Promise<number> => {
      const measured = await storeRates(application.stack);
      for (const store of STORES) rates.get(store)?.push(measured[store]);
      return 1 / Object.values(measured).reduce((seconds, rate) => seconds + 1 / rate, 0);
    };

    try {
      const { figures, ratios } = await takeTurns({ ours, stores }, rounds);
      const counted = (map: Map<string, number[]>, name: string) => map.get(name)?.slice(1) ?? [];
      const slowest =
        STORES.toSorted((a, b) => median(counted(rates, a)) - median(counted(rates, b)))[0] ?? 'Postgres';
      return `${table(
        ['', 'files/s'],
        [
          [
            `Stowage, one worker: ${FILES.toLocaleString('en-US')} × \`complete\` → \`ready\``,
            spread(figures('ours'), 0),
          ],
          ...STORES.map((store) => [`${store} alone, the same calls`, spread(counted(rates, store), 0)]),
          ['all four, one after the other', spread(figures('stores'), 0)],
          ['Stowage / all four', spread(ratios('ours', 'stores'), 2)],
          [
            `Stowage / ${slowest} alone, the slowest (goal: 0.7)`,
            (median(figures('ours')) / median(counted(rates, slowest))).toFixed(2),
          ],
        ],
      )}

${table(
  ['process', 'CPU a file, ms'],
  Object.keys(processes).map((name) => [name, spread(counted(costs, name), 1)]),
)}

A store alone has the cores to itself, with whoever calls it. Here all of them, the api and the worker share the cores, so
what bounds the whole is what all four take together.`;
    } finally {
      await application.close();
    }
  },
} satisfies Benchmark;

async function upload({ url }: Application): Promise<string[]> {
  const client = createClient(url);
  const file = new Blob([smallFile()]);
  const ids: string[] = [];
  await atOnce(FILES, CLIENTS, async (number) => {
    const created = await client.create(`small ${number}`);
    const sent = await client.upload(created.upload, file);
    if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
    ids.push(created.dataset.id);
  });
  return ids;
}

/** @returns files a second, from the first `complete` until the last is ready */
async function complete(application: Application, ids: string[]): Promise<number> {
  const client = createClient(application.url);
  application.logs.length = 0;
  const begun = performance.now();
  await atOnce(FILES, CLIENTS, (number) => client.complete(ids[number] ?? ''));
  // By the log, since to ask again and again would be a load of its own.
  while (application.logs.filter(({ msg }) => msg === 'dataset is ready').length < FILES) {
    if (performance.now() - begun > 120_000) throw new Error('not all files became ready');
    await sleep(20);
  }
  return FILES / ((performance.now() - begun) / 1_000);
}

async function check(client: Client, ids: Set<string>): Promise<void> {
  interface List {
    items: { id: string; status: string; progress: { rowsLoaded: number } }[];
    nextCursor: string | null;
  }
  for (let cursor: string | null = ''; cursor !== null && ids.size > 0;) {
    const page: List = await client.json('GET', `/v1/datasets?limit=100${cursor && `&cursor=${cursor}`}`);
    for (const { id, status, progress } of page.items) {
      if (status === 'ready' && progress.rowsLoaded > 0) ids.delete(id);
    }
    cursor = page.nextCursor;
  }
  if (ids.size > 0) throw new Error(`${ids.size} datasets are not ready`);
}

async function storeRates(stack: Stack): Promise<Record<(typeof STORES)[number], number>> {
  const child = fork(PEER, {
    env: {
      ...process.env,
      ...stack.environment,
      DATABASE_URL: stack.databaseUrl,
      FILES: String(FILES_A_STORE),
    },
  });
  const ended = once(child, 'exit');
  const [rates] = (await Promise.race([
    once(child, 'message'),
    ended.then(() => {
      throw new Error('the stores were not measured');
    }),
  ])) as [Record<(typeof STORES)[number], number>];
  await ended;
  return rates;
}
