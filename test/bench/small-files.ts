/* A thousand small files at once: what a file costs beside its bytes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient } from '../support/client.ts';
import { type Benchmark, spread, table } from './support/benchmark.ts';

const FILES = 1_000;
const BYTES = 10_000;
/** How many clients ask the api at the same time. */
const CLIENTS = 16;

export default {
  title: 'Small files',
  rounds: 3,
  async run(rounds) {
    const application = await startApplication({ environment: { LOG_LEVEL: 'info' } });
    try {
      const ours: number[] = [];
      for (let round = 0; round <= rounds; round++) {
        const rate = await loadAll(application);
        if (round > 0) ours.push(rate);
      }
      return table(['', 'files/s'], [['complete → ready', spread(ours, 0)]]);
    } finally {
      await application.close();
    }
  },
} satisfies Benchmark;

/** Files a second, from the first `complete` until the last of them is ready. */
async function loadAll(application: Application): Promise<number> {
  const client = createClient(application.url);
  const file = new Blob([smallFile()]);
  const ids: string[] = [];
  await atOnce(FILES, async (number) => {
    const { dataset, upload } = await client.create(`small ${number}`);
    const sent = await client.upload(upload, file);
    if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
    ids.push(dataset.id);
  });

  const begun = performance.now();
  const readyBefore = countReady(application);
  await atOnce(FILES, async (number) => void (await client.complete(ids[number] ?? '')));
  // By the log, since asking 1,000 times would be a load of its own.
  while (countReady(application) < readyBefore + FILES) {
    await sleep(20);
    if (performance.now() - begun > 120_000) throw new Error('not all files became ready');
  }
  const seconds = (performance.now() - begun) / 1_000;
  await check(client, new Set(ids));
  return FILES / seconds;
}

function countReady({ logs }: Application): number {
  return logs.reduce((count, { msg }) => count + Number(msg === 'dataset is ready'), 0);
}

async function check(client: Client, ids: Set<string>): Promise<void> {
  interface List {
    items: { id: string; status: string; progress: { rowsLoaded: number } }[];
    nextCursor: string | null;
  }
  for (let cursor: string | null = ''; cursor !== null && ids.size > 0;) {
    const page: List = await client.json(
      'GET',
      `/v1/datasets?limit=100${cursor === '' ? '' : `&cursor=${cursor}`}`,
    );
    for (const { id, status, progress } of page.items) {
      if (status === 'ready' && progress.rowsLoaded > 0) ids.delete(id);
    }
    cursor = page.nextCursor;
  }
  if (ids.size > 0) throw new Error(`${ids.size} datasets are not ready`);
}

function smallFile(): string {
  let text = 'id,name,number,fraction,quoted\n';
  for (let row = 1; text.length < BYTES; row++) {
    text += `${row},name ${row},${(row * 7919) % 100_003},${row / 8},"quoted, ${row}"\n`;
  }
  return text;
}

async function atOnce(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
}
