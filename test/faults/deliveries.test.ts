import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import pg from 'pg';
import { type Application, startApplication } from '../support/application.ts';
import { createClient } from '../support/client.ts';
import { type FaultProxies, startFaultProxies } from './support/fault-proxy.ts';
import { expectLoaded, type File, makeFile } from './support/file.ts';
import { openQueues, type Queues } from './support/queues.ts';

/** Of each worker. */
const SLOTS = 2;

let application: Application;
let proxies: FaultProxies;
let queues: Queues;
let file: File;

beforeAll(async () => {
  proxies = await startFaultProxies();
  application = await startApplication({
    workers: 2,
    leaseSeconds: 10,
    environment: (_name, stack) => ({
      ...proxies.environment(stack),
      CHUNK_BYTES: '16384',
      WORKER_SLOTS: String(SLOTS),
    }),
  });
  queues = openQueues(application.stack);
  file = makeFile(3_000);
});
afterAll(async () => {
  queues[Symbol.dispose]();
  await application.close();
  await proxies.close();
});

/** Bodies of the messages that the application sent, and what else is done with each. */
let sent: string[] = [];
let onSent: (body: string) => Promise<unknown>;

beforeEach(() => {
  sent = [];
  onSent = () => Promise.resolve();
  proxies.of.SQS.tap = async (call) => {
    const { Entries = [] } = JSON.parse(call) as { Entries?: { MessageBody?: string }[] };
    for (const { MessageBody: body } of Entries) {
      if (body === undefined) continue;
      sent.push(body);
      await onSent(body);
    }
  };
});

async function expectSettled(): Promise<void> {
  await expect.poll(() => queues.size(queues.load), { timeout: 60_000 }).toBe(0);
  expect(await queues.size(queues.deadLetters)).toBe(0);
  expect(application.ends).toEqual([]);
}
afterEach(expectSettled, 180_000);

const deliveriesOf = (type: string) =>
  application.logs.filter((line) => line['msg'] === 'delivery ended' && line['type'] === type);

test('messages duplicated, out of order, late, and delivered once more after they were deleted', async () => {
  // Beside each message three copies: one at once, and two that come some seconds later, the last sent first.
  onSent = async (body) => {
    await queues.send(body, 3);
    await queues.send(body, 1);
    await queues.send(body);
  };
  const client = createClient(application.url);
  const { id } = await client.start('repeated', file.csv);
  await expectLoaded(application, [[id, file]]);
  await expect.poll(() => queues.size(queues.load), { timeout: 60_000 }).toBe(0);
  // Long after it was ready, all of it again, backwards: the split included.
  onSent = () => Promise.resolve();
  const before = await client.get(id);
  for (const body of sent.toReversed()) await queues.send(body);
  await expect.poll(() => queues.size(queues.load), { timeout: 60_000 }).toBe(0);
  await expectLoaded(application, [[id, file]]);
  expect((await client.get(id)).progress).toEqual(before.progress);
  const chunks = before.progress.chunksTotal ?? 0;
  expect(chunks).toBeGreaterThan(5);
  expect(deliveriesOf('load-chunk').length).toBeGreaterThanOrEqual(chunks * 5);
});

test('a split that comes late finds a dataset that is deleted, and leaves nothing', async () => {
  const client = createClient(application.url);
  const { id } = await client.start('deleted', file.csv);
  await expectLoaded(application, [[id, file]]);
  await client.remove(id);
  const status = async () => (await fetch(`${application.url}/v1/datasets/${id}`)).status;
  await expect.poll(status, { timeout: 60_000 }).toBe(404);
  for (const body of sent.toReversed()) await queues.send(body);
  await expect.poll(() => queues.size(queues.load), { timeout: 60_000 }).toBe(0);
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  const { rows } = await database.query(`SELECT to_regclass('dataset_rows."${id}"') AS rows`);
  await database.end();
  expect(rows).toEqual([{ rows: null }]);
  expect(await status()).toBe(404);
});

test('two workers with the same chunk at once', async () => {
  const client = createClient(application.url);
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  // Nobody gets into the ledger as long as this transaction lasts.
  onSent = async (body) => {
    if (!body.includes('"load-chunk"')) return;
    if (held) return;
    held = true;
    await database.query('BEGIN; LOCK TABLE stowage.chunks IN ACCESS EXCLUSIVE MODE');
    for (let copy = 0; copy < 3; copy++) await queues.send(body);
  };
  let held = false;
  // Several chunks, since a single one comes without a message.
  const small = makeFile(1_000);
  const { id } = await client.start('contested', small.csv);
  const busy = async () => {
    const metrics = await Promise.all(
      ['worker-1', 'worker-2'].map(async (name) =>
        (await fetch(`${application.adminUrl(name)}/metrics`)).text(),
      ),
    );
    return metrics.map((text) => /^queue_messages_in_flight\S* (\d+)$/m.exec(text)?.[1]);
  };
  // All slots of both workers: they have the one chunk, or wait with another.
  await expect.poll(busy, { timeout: 20_000 }).toEqual([String(SLOTS), String(SLOTS)]);
  await database.query('COMMIT');
  await database.end();
  await expectLoaded(application, [[id, small]]);
});
