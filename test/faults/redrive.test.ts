import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient } from '../support/client.ts';
import { expectLoaded, type File, makeFile } from './support/file.ts';
import { openQueues, type Queues } from './support/queues.ts';

const script = fileURLToPath(new URL('../../scripts/redrive.ts', import.meta.url));

let application: Application;
let client: Client;
let queues: Queues;
let database: pg.Client;

beforeAll(async () => {
  application = await startApplication({
    leaseSeconds: 3,
    // Every delivery is the last.
    template: (text) => text.replace('maxReceiveCount: 5', 'maxReceiveCount: 1'),
    environment: { CHUNK_BYTES: '8192' },
  });
  client = createClient(application.url);
  queues = openQueues(application.stack);
  database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  queues[Symbol.dispose]();
  await application.close();
});

/** `npm run redrive`, as an operator runs it. */
async function redrive(): Promise<void> {
  const env = { ...process.env, ...application.stack.environment };
  const { stderr } = await promisify(execFile)(process.execPath, [script], { env });
  expect(stderr).toContain('are back in');
  expect(await queues.size(queues.deadLetters)).toBe(0);
}

const deadLetters = () => expect.poll(() => queues.size(queues.deadLetters), { timeout: 30_000 });

test('a redrive after the cause is mended heals every failed dataset', async () => {
  // No chunk can be loaded as long as the ledger refuses.
  await database.query('ALTER TABLE stowage.chunks ADD CONSTRAINT broken CHECK (number < 0) NOT VALID');
  const loads = new Map<string, File>();
  let chunks = 0;
  for (const name of ['first', 'second', 'third']) {
    const file = makeFile(1_000);
    const { id } = await client.start(name, file.csv);
    // The first chunk may fail before the last is found.
    const { failure, progress } = await client.until(
      id,
      (dataset) => dataset.status === 'failed' && dataset.progress.chunksTotal !== null,
    );
    expect(failure).toMatchObject({ code: 'loading_failed', detail: expect.stringContaining('broken') });
    chunks += progress.chunksTotal ?? 0;
    loads.set(id, file);
  }
  await deadLetters().toBe(chunks);

  await database.query('ALTER TABLE stowage.chunks DROP CONSTRAINT broken');
  await redrive();
  // Failed it is until the last of its chunks is there.
  for (const id of loads.keys()) await client.until(id, ({ status }) => status === 'ready');
  await expectLoaded(application, loads);
});

test('a worker killed on the last delivery leaves its dataset loading, which only a redrive ends', async () => {
  const file = makeFile(1_000);
  await database.query('BEGIN; LOCK TABLE stowage.chunks IN ACCESS EXCLUSIVE MODE');
  const { id } = await client.start('killed at last', file.csv);
  const waits = async () =>
    (
      await database.query<{ count: number }>(
        "SELECT count(*)::int AS count FROM pg_locks WHERE relation = 'stowage.chunks'::regclass AND NOT granted",
      )
    ).rows[0]?.count;
  await expect.poll(waits, { timeout: 20_000 }).toBeGreaterThan(0);
  process.kill(application.services.pids()['worker-1'] ?? 0, 'SIGKILL');
  await database.query('COMMIT');

  // Nobody is left to say that it failed; the alarm on the dead-letter queue does.
  await deadLetters().toBeGreaterThan(0);
  await expect.poll(() => queues.size(queues.load), { timeout: 20_000 }).toBe(0);
  expect(await client.get(id)).toMatchObject({ status: 'loading', failure: null });
  await redrive();
  await expectLoaded(application, [[id, file]]);
});
