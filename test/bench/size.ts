import { open } from 'node:fs/promises';
import { type Application, startApplication } from '../support/application.ts';
import { createClient, type Row } from '../support/client.ts';
import { type Benchmark, spread, table } from './support/benchmark.ts';
import { COLUMNS, type CsvFile, csvFile, RECORDS } from './support/file.ts';
import { loaders } from './support/loaders.ts';
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
      metric(application, 'worker-1', 'process_resident_memory_bytes').then(
        (bytes) => memory.push(bytes / 1e6),
        () => undefined, // The application was closed meanwhile.
      );
    }, 500);
    try {
      const sizes = Object.values(files);
      const ours = sizes.map((): number[] => []);
      const peers = sizes.map((): number[] => []);
      for (let round = 0; round <= rounds; round++) {
        for (const [size, file] of sizes.entries()) {
          // The first load of all warms up.
          if (round === 0 && size > 0) continue;
          const { seconds, id } = await load(application, file);
          if (size > 0) await checkRows(application, id, file);
          await remove(application, id);
          const psql = loaders(application.stack, file).find(({ name }) => name.startsWith('psql'));
          const other = psql?.version === undefined ? NaN : await psql.load();
          if (round === 0) continue;
          ours[size]?.push(seconds);
          peers[size]?.push(other);
        }
      }
      const row = (name: string, figures: number[][]) => [
        name,
        ...figures.map((seconds) => spread(seconds, 1)),
        spread(
          (figures[1] ?? []).map((seconds, round) => seconds / (figures[0]?.[round] ?? NaN)),
          2,
        ),
      ];
      return [
        table(
          [
            'seconds',
            ...sizes.map(({ bytes }) => `${(bytes / 1e6).toFixed(0)} MB`),
            'ratio (goal: 10.5 at most)',
          ],
          [row('Stowage, one worker', ours), row('psql \\copy into a typed table', peers)],
        ),
        '',
        `Resident memory of the worker, in MB (goal: below 250): ${spread(memory, 0)}. ${CHECKED} random rows of each large file are read and compared.`,
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
