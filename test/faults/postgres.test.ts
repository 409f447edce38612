import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { expectLoaded, type File, makeFile } from './support/file.ts';
import { expectKept, type Load, startLoad } from './support/load.ts';

let application: Application;
let file: File;
let id: string;
let load: Load;
let processes: object;

beforeAll(async () => {
  application = await startApplication({
    workers: 2,
    leaseSeconds: 10,
    environment: { CHUNK_BYTES: '65536' },
  });
  // Some 120 chunks.
  file = makeFile(150_000);
});
afterAll(() => application.close());

/** One dataset in mid-load, and others coming and going. */
beforeEach(async () => {
  processes = application.services.pids();
  load = startLoad(application.url, { clients: 1, pauseMs: 500 });
  const client = createClient(application.url);
  ({ id } = await client.start('hit', file.csv));
  await client.until(id, ({ status, progress }) => status === 'loading' && progress.chunksLoaded > 1);
});

/** Whatever Postgres did, clients noticed nothing, and nothing was started again. */
async function expectUnnoticed(): Promise<void> {
  await expectLoaded(application, [[id, file]]);
  await expectKept(application, load);
  expect(load.failures).toEqual([]);
  expect(application.ends).toEqual([]);
  expect(application.services.pids()).toEqual(processes);
  const costly = application.logs.filter(({ outcome }) => outcome === 'failed' || outcome === 'lost');
  expect(costly).toEqual([]);
}
afterEach(expectUnnoticed, 180_000);

/** Statements of an operator, who may do all. */
async function asOperator<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { pathname } = new URL(application.stack.databaseUrl);
  const connectionString = new URL(pathname, application.stack.postgres.url).href;
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test('stopped and started', async () => {
  await application.stack.postgres.stop();
  await sleep(2_000);
  const ready = (await (await fetch(`${application.url}/ready`)).json()) as object;
  expect(ready).toMatchObject({ status: 'degraded', checks: { s3: 'ok', dynamodb: 'ok', sqs: 'ok' } });
  const rows = await fetch(`${application.url}/v1/datasets/${id}/rows`);
  expect(rows.status).toBe(409); // Not loaded: status needs no Postgres.
  await application.stack.startPostgresAgain();
});

test('restarted', async () => {
  await application.stack.startPostgresAgain();
  expect(await createClient(application.url).get(id)).toMatchObject({ id });
});

test('killed and started', async () => {
  await application.stack.postgres.kill();
  expect(await createClient(application.url).get(id)).toMatchObject({ status: 'loading' });
  await application.stack.startPostgresAgain();
});

test('connections cut in the middle of a COPY', async () => {
  const cut = await asOperator(async (client) => {
    let count = 0;
    for (const end = Date.now() + 20_000; count < 3 && Date.now() < end; await sleep(5)) {
      const { rows } = await client.query<{ cut: number }>(
        `SELECT count(pg_terminate_backend(pid))::int AS cut FROM pg_stat_activity
         WHERE application_name = 'stowage-worker' AND state = 'active' AND query LIKE 'COPY%'`,
      );
      count += rows[0]?.cut ?? 0;
    }
    return count;
  });
  expect(cut).toBeGreaterThan(0);
});

test('too many connections', async () => {
  await asOperator(async (client) => {
    await client.query('ALTER ROLE stowage CONNECTION LIMIT 0');
    await client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'stowage'`);
    await sleep(2_000);
    await client.query('ALTER ROLE stowage CONNECTION LIMIT -1');
  });
  const refused = application.logs.filter((line) => JSON.stringify(line).includes('too many connections'));
  expect(refused).not.toEqual([]);
});

test('the disk full in the middle of a COPY', async () => {
  // The table refuses rows beyond the thousandth as Postgres does when there is no room for them, as long as it is full.
  await asOperator(async (client) => {
    await client.query(`
      CREATE TABLE public.disk (is_full boolean NOT NULL);
      INSERT INTO public.disk VALUES (true);
      GRANT SELECT ON public.disk TO PUBLIC;
      CREATE FUNCTION public.extend() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT is_full FROM public.disk) THEN
            RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
          END IF;
          RETURN NEW;
        END $$;
      CREATE TRIGGER extend BEFORE INSERT ON dataset_rows."${id}" FOR EACH ROW
        WHEN (NEW.first_row > 1000) EXECUTE FUNCTION public.extend();`);
    await sleep(3_000);
    const { progress } = await createClient(application.url).get(id);
    expect(progress.chunksLoaded).toBeLessThan(progress.chunksTotal ?? 0);
    await client.query('UPDATE public.disk SET is_full = false');
  });
  const refused = application.logs.filter((line) => JSON.stringify(line).includes('No space left on device'));
  expect(refused).not.toEqual([]);
});
