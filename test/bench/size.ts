import { open } from 'node:fs/promises';
import { type Application, startApplication } from '../support/application.ts';
import { createClient, type Row } from '../support/client.ts';
import { type Benchmark, median, spread, table } from './support/benchmark.ts';
import { COLUMNS, type CsvFile, csvFile, RECORDS } from './support/file.ts';
import { load, metric, remove } from './support/stowage.ts';

const TIMES = 10;
const CHECKED = 200;

/** Time and memory do not depend on a file's size but in proportion, and every row is there. */
const benchmark: Benchmark = {
  title: 'A file ten times as large',
  rounds: 2,
  async run(rounds) {
    const files = { small: await csvFile(RECORDS), large: await csvFile(TIMES * RECORDS) };
    const application = await startApplication({ fsync: true });
    const memory: number[] = [];
    const sampler = setInterval(() => {
      void metric(application, 'worker-1', 'process_resident_memory_bytes').then((bytes) =>
        memory.push(bytes / 1e6),
      );
    }, 500);
    try {
      const figures = { small: [] as number[], large: [] as number[] };
      for (let round = 0; round <= rounds; round++) {
        for (const size of ['small', 'large'] as const) {
          // The first load of all warms up.
          if (round === 0 && size === 'large') continue;
          const { seconds, id } = await load(application, files[size]);
          if (size === 'large') await checkRows(application, id, files.large);
          if (round > 0) figures[size].push(seconds);
          await remove(application, id);
        }
      }
      const ratios = figures.large.map((seconds, round) => seconds / (figures.small[round] ?? NaN));
      return [
        table(
          ['', 'MB', 'seconds', 'MB/s'],
          (['small', 'large'] as const).map((size) => [
            size === 'small' ? 'one file' : `one of ${TIMES} times the records`,
            (files[size].bytes / 1e6).toFixed(0),
            spread(figures[size], 1),
            (files[size].bytes / 1e6 / median(figures[size])).toFixed(0),
          ]),
        ),
        '',
        `Ratio of the times: ${spread(ratios, 2)}. Resident memory of the worker, in MB: ${spread(memory, 0)}. ` +
          `${CHECKED} random rows of each large file are read and compared.`,
      ].join('\n');
    } finally {
      clearInterval(sampler);
      await application.close();
      for (const file of Object.values(files)) file.remove();
    }
  },
};
export default benchmark;

/** Reads random rows by the api and from the file. @throws when one differs */
async function checkRows(application: Application, id: string, file: CsvFile): Promise<void> {
  const client = createClient(application.url);
  const source = await open(file.path);
  try {
    const wanted = new Set(
      Array.from({ length: CHECKED }, () => 1 + Math.floor(Math.random() * file.records)),
    );
    let row = -1;
    for await (const line of source.readLines()) {
      if (!wanted.has(++row)) continue;
      const page = await client.json<{ items: Row[] }>(
        'GET',
        `/v1/datasets/${id}/rows?after=${row - 1}&limit=1`,
      );
      const values = page.items[0]?.values ?? {};
      const cells = Object.keys(COLUMNS).map((name) => values[name] ?? '');
      const text = cells.map((cell) => (/[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
      if (text.join(',') !== line) throw new Error(`row ${row} is ${text.join(',')}, not ${line}`);
    }
  } finally {
    await source.close();
  }
}
