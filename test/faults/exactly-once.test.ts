import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient } from '../support/client.ts';

const RECORDS = 600_000;
const CHUNK_BYTES = 64 * 1024;

let application: Application;
let client: Client;
let file: Blob;

beforeAll(async () => {
  // Small chunks: a load of about a hundred messages, long enough to be hit in the middle.
  application = await startApplication({
    workers: 2,
    leaseSeconds: 5,
    environment: { CHUNK_BYTES: String(CHUNK_BYTES) },
  });
  client = createClient(application.url);
  file = new Blob([
    `id,text\n`,
    Array.from({ length: RECORDS }, (_, index) => `${index + 1},row ${index + 1}\n`).join(''),
  ]);
});
afterAll(() => application.close());

const inMidLoad = (id: string) =>
  client.until(id, ({ status, progress }) => status === 'loading' && progress.chunksLoaded >= 5);

const untilReady = (id: string) =>
  client.until(id, ({ status }) => status === 'ready' || status === 'failed', 100_000);

const EACH_ROW_ONCE = { rows: RECORDS, numbers: RECORDS, first: 1, last: RECORDS, intact: RECORDS };

/** Counts in the database itself, beside what the api says. */
async function countRows(id: string): Promise<object> {
  const dataset = await client.get(id);
  expect(dataset).toMatchObject({ status: 'ready', progress: { rowsLoaded: RECORDS, rowsRejected: 0 } });
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  const { rows } = await database.query(
    `SELECT count(*)::int AS rows, count(DISTINCT row_no)::int AS numbers, min(row_no)::int AS first, max(row_no)::int AS last,
            count(*) FILTER (WHERE cells = ARRAY[row_no::text, 'row ' || row_no])::int AS intact
     FROM dataset_rows."${id}"`,
  );
  await database.end();
  return rows[0];
}

test('a worker killed in mid-load costs no row and doubles none', async () => {
  const { id } = await client.start('killed worker', file);
  for (const worker of ['worker-1', 'worker-2', 'worker-1']) {
    await inMidLoad(id).catch(() => undefined);
    const pid = application.services.pids()[worker];
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await sleep(300);
  }
  await untilReady(id);
  expect(await countRows(id)).toEqual(EACH_ROW_ONCE);
  expect(application.ends).toContain('worker-1 was ended by SIGKILL');
});

test('Postgres stopped and started in mid-load costs no row and doubles none', async () => {
  const { id } = await client.start('stopped Postgres', file);
  await inMidLoad(id);
  const endsBefore = application.ends.length;
  await application.stack.postgres.stop();
  // Status never waits for Postgres, and new work is still taken.
  expect((await client.get(id)).status).toBe('loading');
  const meanwhile = await client.start('meanwhile', 'a\n1\n');
  const ready = (await (await fetch(`${application.url}/ready`)).json()) as object;
  expect(ready).toMatchObject({
    status: 'degraded',
    checks: { s3: 'ok', postgres: expect.not.stringMatching('ok') },
  });
  await application.stack.startPostgresAgain();
  await untilReady(id);
  expect(await countRows(id)).toEqual(EACH_ROW_ONCE);
  expect((await untilReady(meanwhile.id)).status).toBe('ready');
  expect(application.ends.length).toBe(endsBefore);
});

test('Postgres killed in mid-load costs no row and doubles none', async () => {
  const { id } = await client.start('killed Postgres', file);
  await inMidLoad(id);
  await application.stack.postgres.kill();
  await application.stack.startPostgresAgain();
  await untilReady(id);
  expect(await countRows(id)).toEqual(EACH_ROW_ONCE);
});
