/*
 * What a second worker gains when Postgres is elsewhere and never behind: COPY is answered at once. Workers as they are
 * compete for this machine's cores, with each other and with the stand-ins; held to half a core each, as the tasks of
 * infra/environments are, they do not, and show what a fleet gains.
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
import { throttle } from './support/throttle.ts';

/** Of a core, for each worker: WorkerCpu of infra/environments. */
const SHARE = 0.5;
const PEER = fileURLToPath(new URL('peers/swallow-copy.ts', import.meta.url));

export default {
  title: 'A second worker',
  rounds: 2,
  async run(rounds) {
    const file = await csvFile(RECORDS);
    const fleets = [await startFleet(1), await startFleet(2)] as const;
    try {
      const [one, two] = fleets;
      const { figures, ratios } = await takeTurns(
        {
          'held, 1': () => one.load(file, SHARE),
          'held, 2': () => two.load(file, SHARE),
          'free, 1': () => one.load(file),
          'free, 2': () => two.load(file),
        },
        rounds,
      );
      const gain = (kind: string) => spread(ratios(`${kind}, 1`, `${kind}, 2`), 2);
      const times = (kind: string) => [1, 2].map((workers) => spread(figures(`${kind}, ${workers}`), 2));
      // The first round warmed up.
      const cost = (fleet: Fleet, name: string) => median(fleet.costs.get(name)?.slice(1) ?? []);
      const total = (fleet: Fleet) =>
        [...fleet.costs.keys()].reduce((sum, name) => sum + cost(fleet, name), 0);
      const row = (name: string) => {
        const [first, second] = fleets.map((fleet) => cost(fleet, name).toFixed(2));
        return [`CPU of ${name}, s`, first ?? '', second ?? '', ''];
      };
      const cores = availableParallelism();
      const least = total(two) / cores;
      return `${table(
        ['', '1 worker', '2 workers', '2 / 1 (goal: 1.8)'],
        [
          [`complete → ready, s, ${SHARE} of a core each`, ...times('held'), gain('held')],
          ['complete → ready, s, as many cores as they get', ...times('free'), gain('free')],
          ...[...one.costs.keys()].map(row),
          ['CPU in all, s', ...fleets.map((fleet) => total(fleet).toFixed(2)), ''],
        ],
      )}

A file of ${(file.bytes / 1e6).toFixed(0)} MB; CPU is that of the loads with as many cores as they get. A worker takes
${(cost(one, 'the workers') / (file.bytes / 1e9)).toFixed(1)} s of CPU a GB, and more than one core when it has it. ${cores} cores, all of them busy, need ${least.toFixed(2)} s for what is to
be done, so two workers that are not held could at most be ${(median(figures('free, 1')) / least).toFixed(2)} × as fast as one here.`;
    } finally {
      for (const fleet of fleets) await fleet.close();
      file.remove();
    }
  },
} satisfies Benchmark;

interface Fleet {
  /**
   * @param share what each worker is held to, of a core
   * @returns seconds from `complete` to `ready`
   */
  load: (file: CsvFile, share?: number) => Promise<number>;
  /** CPU seconds of each load in which workers were not held, by process. */
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
    async load(file, share) {
      const client = createClient(application.url);
      const { dataset, upload } = await client.create('bench');
      const sent = await client.upload(upload, await openAsBlob(file.path));
      if (!sent.ok) throw new Error(`the upload answered ${sent.status}`);
      const held = share === undefined ? [] : Object.values(pids).map((pid) => throttle(pid, share));
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
      for (const release of held) release();
      for (const [name, cpu] of share === undefined ? Object.entries(processes) : [])
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
