import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, inject, test } from 'vitest';
import { compose, containerOf, docker } from '../../scripts/compose/docker.ts';
import { createClient } from '../support/client.ts';
import { eachRow } from '../support/each-row.ts';

const RECORDS = 300_000;
const client = createClient(inject('url'));
const file = new Blob([
  'id,text\n',
  Array.from({ length: RECORDS }, (_, index) => `${index + 1},row ${index + 1}\n`).join(''),
]);

// Whatever a test has broken is whole again before the next.
afterEach(() => void compose('up', '--detach', '--wait', '--scale', 'worker=2', '--no-recreate'));

const inMidLoad = (id: string) =>
  client.until(id, ({ status, progress }) => status === 'loading' && progress.chunksLoaded >= 3);

/** Counts in the database itself, beside what the api says. */
async function expectEachRowOnce(id: string): Promise<void> {
  const dataset = await client.until(id, ({ status }) => status === 'ready' || status === 'failed', 120_000);
  expect(dataset).toMatchObject({ status: 'ready', progress: { rowsLoaded: RECORDS, rowsRejected: 0 } });
  const counted = psql(
    `SELECT count(*), count(DISTINCT row_no), min(row_no), max(row_no),
            count(*) FILTER (WHERE cells = jsonb_build_array(row_no::text, 'row ' || row_no)) FROM ${eachRow(id)}`,
  );
  expect(counted).toBe(`${RECORDS}|${RECORDS}|1|${RECORDS}|${RECORDS}`);
}

function psql(statement: string): string {
  return compose('exec', '-T', 'postgres', 'psql', '-U', 'stowage', '-Atc', statement).trim();
}

test('a worker killed in mid-load costs no row and doubles none', async () => {
  const { id } = await client.start('killed worker', file);
  await inMidLoad(id);
  docker(['kill', '--signal', 'KILL', containerOf('worker', 1)]);
  expect((await client.get(id)).status).toBe('loading');
  await expectEachRowOnce(id);
});

test('both workers killed in mid-load: the ones after them finish', async () => {
  const { id } = await client.start('killed workers', file);
  await inMidLoad(id);
  docker(['kill', '--signal', 'KILL', containerOf('worker', 1), containerOf('worker', 2)]);
  expect((await client.get(id)).status).toBe('loading');
  docker(['start', containerOf('worker', 1)]);
  await expectEachRowOnce(id);
});

test('a worker that is stopped in mid-load drains and exits 0 within its grace', async () => {
  const { id } = await client.start('stopped worker', file);
  await inMidLoad(id);
  const worker = containerOf('worker', 2);
  docker(['stop', '--time', '120', worker]);
  expect(exitOf(worker)).toEqual({ ExitCode: 0, OOMKilled: false });
  await expectEachRowOnce(id);
});

test('Postgres restarted in mid-load costs no row and doubles none', async () => {
  const { id } = await client.start('restarted Postgres', file);
  await inMidLoad(id);
  compose('stop', 'postgres');
  expect((await client.get(id)).status).toBe('loading'); // Status never waits for Postgres.
  compose('start', 'postgres');
  await expectEachRowOnce(id);
});

test('a redrive after the cause is mended heals a failed dataset', async () => {
  // No chunk can be loaded as long as the ledger refuses.
  psql('ALTER TABLE stowage.chunks ADD CONSTRAINT broken CHECK (number < 0) NOT VALID');
  const { id } = await client.start('broken', 'a\n1\n2\n');
  const failed = await client.until(id, ({ status }) => status === 'failed', 120_000);
  expect(failed.failure).toMatchObject({ code: 'loading_failed', detail: expect.stringContaining('broken') });
  psql('ALTER TABLE stowage.chunks DROP CONSTRAINT broken');
  // SQS moves a message when it would be received once more.
  await expect.poll(redrive, { timeout: 60_000, interval: 1_000 }).toMatch(/^[1-9]\d* are back/m);
  const healed = await client.until(id, ({ status }) => status === 'ready');
  expect(healed).toMatchObject({ failure: null, progress: { rowsLoaded: 2 } });
  expect(await client.rows(id)).toHaveLength(2);
});

/** `npm run redrive`, as on AWS; what it says at the end. */
function redrive(): string {
  const script = fileURLToPath(new URL('../../scripts/redrive.ts', import.meta.url));
  const AWS_ENDPOINT_URL = `http://localhost:${process.env['AWS_PORT']}`;
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };
  const env = { ...process.env, ...credentials, AWS_ENDPOINT_URL };
  const command = ['-c', '"$0" "$1" local 2>&1', process.execPath, script];
  return execFileSync('sh', command, { env, encoding: 'utf8', timeout: 60_000 });
}

test('LocalStack restarted: it has forgotten everything, and the services go on with the new, empty one', async () => {
  const before = await client.load('forgotten', 'a\n1\n');
  const restarts = () =>
    ['api', 'worker'].map((name) => docker(['inspect', '-f', '{{.State.StartedAt}}', containerOf(name)]));
  const startedAt = restarts();
  compose('restart', '--timeout', '5', 'localstack');
  compose('up', '--detach', '--wait', '--scale', 'worker=2', '--no-recreate');
  // LocalStack Community persists nothing: with an emulator that does, this is 200.
  expect((await fetch(`${inject('url')}/v1/datasets/${before.id}`)).status).toBe(404);
  // Postgres' volume has kept the rows.
  expect(psql(`SELECT count(*) FROM ${eachRow(before.id)}`)).toBe('1');
  expect(await client.load('afterwards', 'a\n1\n2\n')).toMatchObject({
    status: 'ready',
    progress: { rowsLoaded: 2 },
  });
  expect(restarts()).toEqual(startedAt);
});

function exitOf(container: string): object {
  const [{ State }] = JSON.parse(docker(['inspect', container])) as [
    { State: { ExitCode: number; OOMKilled: boolean } },
  ];
  return { ExitCode: State.ExitCode, OOMKilled: State.OOMKilled };
}
