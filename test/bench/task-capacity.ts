/*
 * What a virtual CPU of a task can do: `node test/bench/task-capacity.ts [rounds]`. It measures the CPU time that the
 * api and a worker spend, not how fast they answer, since the stand-ins share this machine's cores. Other work on them
 * still makes it more, so the median of several rounds is what counts.
 */
import { startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';

const rounds = Number(process.argv[2] ?? 5);
const MEGABYTES = 50;
const SECONDS = 5;
const CLIENTS = 8;

const record = (row: number) =>
  `${row},name ${row},${(row * 7919) % 100_003},${row / 8},"quoted, ${row}",fixed text of some length\n`;
let records = 0;
const blocks = ['id,name,number,fraction,quoted,text\n'];
for (let bytes = 0; bytes < MEGABYTES * 1e6; bytes += blocks.at(-1)?.length ?? 0) {
  blocks.push(Array.from({ length: 10_000 }, () => record(++records)).join(''));
}
const file = new Blob(blocks);

const application = await startApplication({ environment: { RATE_LIMIT_MAX: '0', LOG_LEVEL: 'info' } });
const client = createClient(application.url);
try {
  const loads: number[] = [];
  let id = '';
  for (let round = 0; round <= rounds; round++) {
    const before = await cpuSeconds('worker-1');
    const ended = await client.load('capacity', file);
    if (ended.progress.rowsLoaded !== records) throw new Error(JSON.stringify(ended));
    // The first warms everything up.
    if (round > 0) loads.push(((await cpuSeconds('worker-1')) - before) / (file.size / 1e9));
    if (id !== '') await client.remove(id);
    ({ id } = ended);
  }
  tell('a worker loads a GB of CSV in', loads, (seconds) => `${seconds.toFixed(0)} s of CPU`);
  tell('… with 1 vCPU', loads, (seconds) => `${(1_000 / seconds).toFixed(0)} MB/s`);

  const paths = {
    'a status': () => `/v1/datasets/${id}`,
    'a page of 100 rows': () => `/v1/datasets/${id}/rows?after=${someRow()}&limit=100`,
    'a page of 1,000 rows': () => `/v1/datasets/${id}/rows?after=${someRow()}&limit=1000`,
  };
  for (const [name, path] of Object.entries(paths)) {
    const costs: number[] = [];
    for (let round = 0; round <= rounds; round++) {
      const before = await cpuSeconds('api');
      const requests = await ask(path);
      if (round > 0) costs.push(((await cpuSeconds('api')) - before) / requests);
    }
    tell(`the api answers ${name} in`, costs, (seconds) => `${(seconds * 1e3).toFixed(2)} ms of CPU`);
    tell('… with 0.5 vCPU', costs, (seconds) => `${(0.5 / seconds).toFixed(0)} a second`);
  }
} finally {
  await application.close();
}

/** Asks for one thing after the other, some clients at once. @returns how many were answered */
async function ask(path: () => string): Promise<number> {
  const until = performance.now() + SECONDS * 1_000;
  let requests = 0;
  const asking = Array.from({ length: CLIENTS }, async () => {
    for (; performance.now() < until; requests++) {
      const response = await fetch(application.url + path());
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`${response.status}`);
    }
  });
  await Promise.all(asking);
  return requests;
}

function someRow(): number {
  return Math.floor(Math.random() * (records - 1_000));
}

async function cpuSeconds(service: string): Promise<number> {
  const text = await (await fetch(`${application.adminUrl(service)}/metrics`)).text();
  return Number(/^process_cpu_seconds_total (\S+)/m.exec(text)?.[1]);
}

function tell(what: string, values: readonly number[], format: (value: number) => string): void {
  const sorted = values.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? NaN;
  const [least = NaN, most = NaN] = [sorted[0], sorted.at(-1)];
  console.log(`${what.padEnd(42)}${format(median).padEnd(16)} (${format(least)} to ${format(most)})`);
}
