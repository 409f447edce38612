import { DeleteMessageCommand, type Message, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Application, startApplication } from '../support/application.ts';
import { type Client, createClient } from '../support/client.ts';
import { openQueues, type Queues } from './support/queues.ts';

let application: Application;
let client: Client;
let queues: Queues;

beforeAll(async () => {
  application = await startApplication();
  client = createClient(application.url);
  queues = openQueues(application.stack);
});
afterAll(async () => {
  queues[Symbol.dispose]();
  await application.close();
});

/** Takes one message out of the dead-letter queue. A message gets there when it would be received once more. */
async function deadLetter(): Promise<Message> {
  for (let polls = 0; polls < 30; polls++) {
    const { Messages = [] } = await queues.client.send(
      new ReceiveMessageCommand({
        QueueUrl: queues.deadLetters,
        WaitTimeSeconds: 1,
        MessageAttributeNames: ['All'],
      }),
    );
    const [message] = Messages;
    if (!message) continue;
    await queues.client.send(
      new DeleteMessageCommand({ QueueUrl: queues.deadLetters, ReceiptHandle: message.ReceiptHandle }),
    );
    return message;
  }
  throw new Error('nothing came to the dead-letter queue');
}

const untilEmpty = () => expect.poll(() => queues.size(queues.load), { timeout: 20_000 }).toBe(0);

test.each([
  ['is no JSON', 'hello', /JSON/],
  ['has an unknown type', '{"type":"make-coffee","version":1}', /unknown|malformed|type/],
  ['lacks a member', '{"type":"delete-dataset","version":1}', /unknown|malformed|datasetId|tenant/],
])('a message that %s goes to the dead-letter queue with a reason', async (_what, body, reason) => {
  await queues.send(body);
  const message = await deadLetter();
  expect(message.Body).toBe(body);
  expect(message.MessageAttributes?.['reason']?.StringValue).toMatch(reason);
  await untilEmpty();
});

test('messages about a dataset that is gone are acknowledged, and said so', async () => {
  const ref = { version: 1, tenant: 'local', datasetId: '0193a6f0-0000-7000-8000-000000000000' };
  await queues.send(JSON.stringify({ ...ref, type: 'split-file', etag: '"x"', bytes: 1 }));
  await queues.send(JSON.stringify({ ...ref, type: 'delete-dataset' }));
  await untilEmpty();
  expect(await queues.size(queues.deadLetters)).toBe(0);
  const said = application.logs
    .filter(({ datasetId }) => datasetId === ref.datasetId)
    .map(({ msg }) => String(msg));
  expect(said.filter((text) => text.includes('gone'))).toHaveLength(2);
});

test('a chunk of a deleted dataset is dropped', async () => {
  const { dataset, upload } = await client.create('deleted while loading');
  await client.upload(upload, new Blob([`a\n${'1\n'.repeat(2_000_000)}`]));
  await client.complete(dataset.id);
  await client.remove(dataset.id);
  await expect
    .poll(async () => (await fetch(`${application.url}/v1/datasets/${dataset.id}`)).status, {
      timeout: 30_000,
    })
    .toBe(404);
  await untilEmpty();
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  const tables = await database.query(`SELECT to_regclass('dataset_rows."${dataset.id}"') AS rows`);
  const parents = await database.query('SELECT FROM stowage.datasets WHERE id = $1', [dataset.id]);
  await database.end();
  expect([tables.rows[0], parents.rowCount]).toEqual([{ rows: null }, 0]);
});

test('work that fails on every delivery fails its dataset, and goes to the dead-letter queue', async () => {
  const database = new pg.Client({ connectionString: application.stack.databaseUrl });
  await database.connect();
  // Every load breaks as long as the ledger refuses.
  await database.query('ALTER TABLE stowage.chunks ADD CONSTRAINT broken CHECK (number < 0) NOT VALID');
  const { id } = await client.start('broken', 'a\n1\n2\n');
  const failed = await client.until(id, ({ status }) => status === 'failed', 90_000);
  expect(failed.failure).toMatchObject({ code: 'loading_failed', detail: expect.stringContaining('broken') });
  const message = await deadLetter();
  expect(JSON.parse(message.Body ?? '')).toMatchObject({ type: 'split-file', datasetId: id });
  await database.query('ALTER TABLE stowage.chunks DROP CONSTRAINT broken');
  await database.end();
});
