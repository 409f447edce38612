/*
 * What a virtual CPU of a task can do: the CPU time that the api and a worker spend, not how fast they answer, since the
 * stand-ins share this machine's cores. Other work on them still makes it more.
 */
import { type Application, startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { type Benchmark, spread, table, takeTurns } from './support/benchmark.ts';
import { cpuSeconds } from './support/cpu.ts';

const MEGABYTES = 50;
const SECONDS = 2;
const CLIENTS = 8;

export default {
  title: 'Capacity of a task',
  rounds: 3,
  async run(rounds) {
    const { file, records } = generate();
    const application = await startApplication({
      environment: { RATE_LIMIT_MAX: '0', LOG_LEVEL: 'info' },
    });
    const client = createClient(application.url);
    const pids = application.services.pids();
    let id = '';

    /** CPU seconds of a worker for a GB of CSV. */
    async function load(): Promise<number> {
      const before = cpuSeconds(pids['worker-1']);
      const ended = await client.load('capacity', file);
      if (ended.progress.rowsLoaded !== records) throw new Error(JSON.stringify(ended));
      const seconds = cpuSeconds(pids['worker-1']) - before;
      if (id !== '') await client.remove(id);
      ({ id } = ended);
      return seconds / (file.size / 1e9);
    }

    /** CPU milliseconds of the api for a request. */
    const answer = (path: () => string) => async () => {
      const before = cpuSeconds(pids['api']);
      const requests = await ask(application, path);
      return ((cpuSeconds(pids['api']) - before) / requests) * 1e3;
    };
    const rows = (limit: number) => () =>
      `/v1/datasets/${id}/rows?after=${Math.floor(Math.random() * (records - limit))}&limit=${limit}`;

    try {
      const loads = await takeTurns({ load }, rounds);
      const requests = {
        'api, a status': answer(() => `/v1/datasets/${id}`),
        'api, a page of 100 rows': answer(rows(100)),
        'api, a page of 1,000 rows': answer(rows(1_000)),
      };
      const answers = await takeTurns(requests, rounds);
      return table(
        ['', 'CPU time', 'with 1 vCPU, fully used'],
        [
          [
            'worker, a GB of CSV loaded',
            `${spread(loads.figures('load'), 0)} s`,
            `${spread(
              loads.figures('load').map((seconds) => 1_000 / seconds),
              0,
            )} MB/s`,
          ],
          ...Object.keys(requests).map((name) => [
            name,
            `${spread(answers.figures(name), 2)} ms`,
            `${spread(
              answers.figures(name).map((milliseconds) => 1_000 / milliseconds),
              0,
            )} a second`,
          ]),
        ],
      );
    } finally {
      await application.close();
    }
  },
} satisfies Benchmark;

function generate(): { file: Blob; records: number } {
  const record = (row: number) =>
    `${row},name ${row},${(row * 7919) % 100_003},${row / 8},"quoted, ${row}",fixed text of some length\n`;
  let records = 0;
  const blocks = ['id,name,number,fraction,quoted,text\n'];
  for (let bytes = 0; bytes < MEGABYTES * 1e6; bytes += blocks.at(-1)?.length ?? 0) {
    blocks.push(Array.from({ length: 10_000 }, () => record(++records)).join(''));
  }
  return { file: new Blob(blocks), records };
}

/** Asks for one thing after the other, some clients at once. @returns how many were answered */
async function ask({ url }: Application, path: () => string): Promise<number> {
  const until = performance.now() + SECONDS * 1_000;
  let requests = 0;
  const asking = Array.from({ length: CLIENTS }, async () => {
    for (; performance.now() < until; requests++) {
      const response = await fetch(url + path());
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${response.status}`);
    }
  });
  await Promise.all(asking);
  return requests;
}
