/*
 * What a second worker gains when Postgres is elsewhere and never behind: COPY is answered at once. Everything shares
 * this machine's cores, so the CPU time of each process says how much of it could be gained at all.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { openAsBlob } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type LogLine, startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { type Benchmark, median, spread, table, takeTurns } from './support/benchmark.ts';
import { cpuSeconds, familyCpuSeconds, postmaster } from './support/cpu.ts';
import { type CsvFile, csvFile, RECORDS } from './support/file.ts';
import { remove } from './support/stowage.ts';

const PEER = fileURLToPath(new URL('peers/swallow-copy.ts', import.meta.url));

export default {
  title: 'A second worker',
  rounds: 4,
  async run(rounds) {
    const file = await csvFile(RECORDS);
    const fleets = [await startFleet(1), await startFleet(2)] as const;
    try {
      const [one, two] = fleets;
      const { figures, ratios } = await takeTurns(
        { one: () => one.load(file), two: () => two.load(file) },
        rounds,
      );
      const cost = (fleet: Fleet, name: string) => median((fleet.costs.get(name) ?? []).slice(1));
      const total = (fleet: Fleet) =>
        [...fleet.costs.keys()].reduce((sum, name) => sum + cost(fleet, name), 0);
      const cores = availableParallelism();
      const least = total(two) / cores;
      const row = (name: string) => [
        `CPU of ${name}, s`,
        ...fleets.map((fleet) => cost(fleet, name).toFixed(2)),
      ];
      return `${table(
        ['', '1 worker', '2 workers'],
        [
          ['complete → ready, s', spread(figures('one'), 2), spread(figures('two'), 2)],
          ...[...one.costs.keys()].map(row),
          ['CPU in all, s', ...fleets.map((fleet) => total(fleet).toFixed(2))],
        ],
      )}

Two workers are ${spread(ratios('one', 'two'), 2)} × as fast as one (goal: 1.8). The file has
${(file.bytes / 1e6).toFixed(0)} MB; a worker takes ${(cost(one, 'the workers') / (file.bytes / 1e9)).toFixed(1)} s of CPU a GB.
${cores} cores, all of them busy, need ${least.toFixed(2)} s for what is to be done with two workers, so
${(median(figures('one')) / least).toFixed(2)} × is the most that they could show here.`;
    } finally {
      for (const fleet of fleets) await fleet.close();
      file.remove();
    }
  },
} satisfies Benchmark;

interface Fleet {
  /** @returns seconds from `complete` to `ready` */
  load: (file: CsvFile) => Promise<number>;
  /** CPU seconds of each load, by process. */
  costs: Map<string, number[]>;
  close: () => Promise<void>;
}

/** The application with some workers, on an embedded stack of its own; what they COPY never arrives at its Postgres. */
async function startFleet(workers: number): Promise<Fleet> {
  const swallower = fork(PEER);
  const [port] = (await once(swallower, 'message')) as [number];
  const application = await startApplication({
    workers,
    environment(_service, stack) {
      swallower.send(stack.postgres.port);
      delete stack.environment['DATABASE_SECRET_ID'];
      const url = new URL(stack.databaseUrl);
      url.port = String(port);
      return { DATABASE_URL: url.href };
    },
  });
  const { api = 0, ...pids } = application.services.pids();
  const postgres = await postmaster(application.stack);
  const processes: Record<string, () => number> = {
    'the workers': () => Object.values(pids).reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    'S3, SQS, DynamoDB and the client': () => cpuSeconds(process.pid),
    'what swallows rows': () => cpuSeconds(swallower.pid),
    api: () => cpuSeconds(api),
    Postgres: () => familyCpuSeconds(postgres),
  };
  const costs = new Map(Object.keys(processes).map((name) => [name, [] as number[]]));
  return {
    costs,
    async load(file) {
      const client = createClient(application.url);
      const { dataset, upload } = await client.create('bench');
      const sent = await client.upload(upload, await openAsBlob(file.path));
      if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
      const before = new Map(Object.entries(processes).map(([name, cpu]) => [name, cpu()]));
      const begun = performance.now();
      await client.complete(dataset.id);
      // By the log, since to ask again and again would take as much CPU as half a worker.
      const isReady = ({ datasetId, msg }: LogLine) => datasetId === dataset.id && msg === 'dataset is ready';
      while (!application.logs.some(isReady)) {
        if (performance.now() - begun > 60_000) throw new Error('the dataset did not become ready');
        await sleep(10);
      }
      const seconds = (performance.now() - begun) / 1_000;
      for (const [name, cpu] of Object.entries(processes))
        costs.get(name)?.push(cpu() - (before.get(name) ?? 0));
      const { progress } = await client.get(dataset.id);
      if (progress.rowsLoaded !== file.records) throw new Error(JSON.stringify(progress));
      await remove(application, dataset.id);
      return seconds;
    },
    async close() {
      await application.close();
      swallower.disconnect();
    },
  };
}
