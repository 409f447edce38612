import { openAsBlob } from 'node:fs';
import { createClient } from '../support/client.ts';
import { type Benchmark, median, spread, table } from './support/benchmark.ts';
import { csvFile, type CsvFile, RECORDS } from './support/file.ts';
import type { Outcome } from './support/generator.ts';
import { CONNECTIONS, type Reads, type Request, REQUESTS, startReads } from './support/reads.ts';
import { remove } from './support/stowage.ts';

/** Of each run; those beside a load end before it does. */
const SECONDS = 3;

const PATIENCE_MS = 600_000;

/** How much of the most that it answers the api is asked for. */
const SHARE = 0.7;

/** How long answers take at a rate that the api can bear, and at the same rate while a worker loads a file. */
export default {
  title: 'Latency of reads',
  rounds: 5,
  async run(rounds) {
    const reads = await startReads();
    // So large that it takes longer to load than a run takes.
    const file = await csvFile(3 * RECORDS);
    try {
      const lines = [];
      for (const request of ['status', 'page'] as const)
        lines.push(...(await measure(reads, request, file, rounds)));
      return table(['', 'requests/s', 'p50, ms', 'p99, ms'], lines);
    } finally {
      file.remove();
      await reads.close();
    }
  },
} satisfies Benchmark;

async function measure(reads: Reads, request: Request, file: CsvFile, rounds: number): Promise<string[][]> {
  await ask(reads, request); // warms up
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const { requests, seconds } = await ask(reads, request);
    rates.push(requests / seconds);
  }
  const rate = SHARE * median(rates);
  const alone: Outcome[] = [];
  const beside: Outcome[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(await ask(reads, request, rate));
    beside.push(await besideLoad(reads, file, () => ask(reads, request, rate)));
  }
  const line = (name: string, outcomes: Outcome[]) => [
    `${REQUESTS[request]}, ${name}`,
    rate.toFixed(0),
    spread(
      outcomes.map(({ p50 }) => p50),
      1,
    ),
    spread(
      outcomes.map(({ p99 }) => p99),
      1,
    ),
  ];
  return [line('nothing else', alone), line('beside a load', beside)];
}

/** Runs `work` while a worker loads a file, from when its chunks are on their way. */
async function besideLoad<T>({ application }: Reads, file: CsvFile, work: () => Promise<T>): Promise<T> {
  const client = createClient(application.url);
  const { dataset, upload } = await client.create('beside');
  await client.upload(upload, await openAsBlob(file.path));
  await client.complete(dataset.id);
  await client.until(dataset.id, (now) => now.status === 'loading');
  const result = await work();
  const { status } = await client.get(dataset.id);
  if (status !== 'loading') throw new Error(`not beside a load: the dataset was ${status} at the end`);
  await client.until(dataset.id, (now) => now.status !== 'loading', PATIENCE_MS);
  await remove(application, dataset.id);
  return result;
}

function ask(reads: Reads, request: Request, rate?: number): Promise<Outcome> {
  const { stowage, generator, records } = reads;
  return generator.run({
    url: stowage.url,
    path: stowage.paths[request],
    rows: records - 100,
    connections: CONNECTIONS,
    seconds: SECONDS,
    ...(rate === undefined ? {} : { rate }),
  });
}
