import { expect, inject, test } from 'vitest';
import { createClient, type DatasetView } from '../support/client.ts';

const url = inject('url');
const client = createClient(url);

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const CSV = 'iata,city\nSFO,San Francisco\nJFK,New York\n';

test('a new dataset awaits its upload and comes with a form for it', async () => {
  const { dataset, upload } = await client.create('airports');
  expect(dataset).toEqual({
    id: expect.stringMatching(UUID_V7),
    name: 'airports',
    status: 'awaiting_upload',
    createdAt: expect.stringMatching(ISO),
    updatedAt: expect.stringMatching(ISO),
    bytes: null,
    dialect: { delimiter: 'auto', header: true, encoding: 'utf-8' },
    columns: null,
    progress: { chunksTotal: null, chunksLoaded: 0, rowsLoaded: 0, rowsRejected: 0 },
    failure: null,
  });
  expect(upload).toMatchObject({
    method: 'POST',
    maxBytes: 5 * 1024 ** 3,
    expiresAt: expect.stringMatching(ISO),
  });
  expect(Date.parse(upload.expiresAt)).toBeGreaterThan(Date.now());
  expect(upload.fields['key']).toContain(dataset.id);
});

test('a file is uploaded, completed, loaded and read back', async () => {
  const dataset = await client.load('airports', CSV);
  expect(dataset).toMatchObject({
    status: 'ready',
    bytes: CSV.length,
    dialect: { delimiter: ',', header: true, encoding: 'utf-8' },
    columns: ['iata', 'city'],
    progress: { chunksTotal: 1, chunksLoaded: 1, rowsLoaded: 2, rowsRejected: 0 },
    failure: null,
  });
  expect(await client.json('GET', `/v1/datasets/${dataset.id}/rows`)).toEqual({
    items: [
      { row: 1, values: { iata: 'SFO', city: 'San Francisco' } },
      { row: 2, values: { iata: 'JFK', city: 'New York' } },
    ],
    nextAfter: null,
  });
  expect(await client.json('GET', `/v1/datasets/${dataset.id}/rejects`)).toEqual({
    items: [],
    nextAfter: null,
  });
});

test('completing again answers 202 with the current state', async () => {
  const { id } = await client.load('twice', CSV);
  expect((await client.complete(id)).status).toBe('ready');
});

test('five completions at once load the file once', async () => {
  const { dataset, upload } = await client.create('five');
  await client.upload(upload, new Blob([CSV]));
  const answers = await Promise.all(Array.from({ length: 5 }, () => client.complete(dataset.id)));
  expect(answers.map(({ id }) => id)).toEqual(Array(5).fill(dataset.id));
  await client.until(dataset.id, ({ status }) => status === 'ready');
  expect(await client.rows(dataset.id)).toHaveLength(2);
});

test('completing before the upload is 409 upload_missing', async () => {
  const { dataset } = await client.create('too early');
  const problem = await client.json('POST', `/v1/datasets/${dataset.id}/complete`, undefined, 409);
  expect(problem).toMatchObject({ code: 'upload_missing', status: 409 });
});

test('rows, rejects and profile are 409 not_loaded before the dataset is ready', async () => {
  const { dataset } = await client.create('not yet');
  for (const part of ['rows', 'rejects', 'profile']) {
    const problem = await client.json('GET', `/v1/datasets/${dataset.id}/${part}`, undefined, 409);
    expect(problem).toMatchObject({ code: 'not_loaded' });
  }
});

test('rows of a failed dataset are 409 not_loaded', async () => {
  const dataset = await client.load('failed', '\n\n');
  expect(dataset).toMatchObject({ status: 'failed', failure: { code: 'empty_file' } });
  const problem = await client.json('GET', `/v1/datasets/${dataset.id}/rows`, undefined, 409);
  expect(problem).toMatchObject({ code: 'not_loaded' });
});

test('a dataset is deleted: 202, deleting, then 404, and its table is gone', async () => {
  const { id } = await client.load('short-lived', CSV);
  expect((await client.remove(id)).status).toBe('deleting');
  await expect
    .poll(async () => (await fetch(`${url}/v1/datasets/${id}`)).status, { timeout: 20_000 })
    .toBe(404);
  const again = await fetch(`${url}/v1/datasets/${id}`, { method: 'DELETE' });
  expect(again.status).toBe(404);
});

test('a dataset that was never uploaded can be deleted', async () => {
  const { dataset } = await client.create('never uploaded');
  await client.remove(dataset.id);
  await expect
    .poll(async () => (await fetch(`${url}/v1/datasets/${dataset.id}`)).status, { timeout: 20_000 })
    .toBe(404);
});

test('events give the state at once, every change, and end with a final one', async () => {
  const { dataset, upload } = await client.create('watched');
  const response = await fetch(`${url}/v1/datasets/${dataset.id}/events`);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  await client.upload(upload, new Blob([CSV]));
  await client.complete(dataset.id);
  const events = (await response.text())
    .split('\n\n')
    .filter((event) => event.startsWith('event: progress\n'));
  const states = events.map((event) => JSON.parse(event.slice(event.indexOf('data: ') + 6)) as DatasetView);
  expect(states[0]?.status).toBe('awaiting_upload');
  expect(states.at(-1)).toMatchObject({ id: dataset.id, status: 'ready', progress: { rowsLoaded: 2 } });
});

test('a file that is replaced after it was completed fails the dataset, which says so', async () => {
  const first = `a,b\n${'1,2\n'.repeat(400_000)}`;
  const { dataset, upload } = await client.create('replaced');
  await client.upload(upload, new Blob([first]));
  const completing = client.complete(dataset.id);
  await completing;
  await client.upload(upload, new Blob(['c,d\n3,4\n']));
  const ended = await client.until(dataset.id, ({ status }) => status === 'ready' || status === 'failed');
  // Whoever was quicker, nothing of the second file is ever shown.
  const told = ended.failure?.detail ?? `${ended.columns?.join()} ${ended.progress.rowsLoaded}`;
  expect(told).toMatch(/^a,b 400000$|replaced/);
});
