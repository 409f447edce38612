/* Puts load on a server; see generator.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, openConnection } from './connection.ts';
import type { Load, Outcome } from './generator.ts';

process.on('disconnect', () => process.exit());
process.on('message', (load: Load) => void run(load).then((outcome) => process.send?.(outcome)));

async function run(load: Load): Promise<Outcome> {
  const url = new URL(load.url);
  const connections = await Promise.all(Array.from({ length: load.connections }, () => openConnection(url)));
  const random = randomRow(load.rows);
  const path = () => load.path.replace('{row}', () => String(random()));
  const begun = performance.now();
  const took = await (load.rate === undefined ? closedLoop : openLoop)(connections, path, load);
  const seconds = (performance.now() - begun) / 1_000;
  for (const connection of connections) connection.close();
  const sorted = Float64Array.from(took).toSorted();
  const percentile = (part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? NaN;
  return { requests: took.length, seconds, p50: percentile(0.5), p99: percentile(0.99) };
}

/** Each connection asks again as soon as it is answered. */
async function closedLoop(
  connections: Connection[],
  path: () => string,
  { seconds }: Load,
): Promise<number[]> {
  const took: number[] = [];
  const end = performance.now() + seconds * 1_000;
  await Promise.all(
    connections.map(async (connection) => {
      for (let begun = performance.now(); begun < end; begun = performance.now()) {
        await connection.get(path());
        took.push(performance.now() - begun);
      }
    }),
  );
  return took;
}

/**
 * Requests fall due at fixed intervals, whatever becomes of those before, and each waits for a free connection: its time
 * is counted from when it was due, so that a server that stalls is not asked less for that.
 */
async function openLoop(
  connections: Connection[],
  path: () => string,
  { seconds, rate = 1 }: Load,
): Promise<number[]> {
  const took: number[] = [];
  const count = Math.round(seconds * rate);
  const begun = performance.now();
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < count) {
        const due = begun + (next++ * 1_000) / rate;
        const early = due - performance.now();
        if (early > 0) await sleep(early);
        await connection.get(path());
        took.push(performance.now() - due);
      }
    }),
  );
  return took;
}

/** Park and Miller's generator: the same rows in every run. */
function randomRow(rows: number): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) % Math.max(1, rows);
}
