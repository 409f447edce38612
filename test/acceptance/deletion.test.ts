import { request as send } from 'node:http';
import { expect, inject, test } from 'vitest';
import { createClient, type DatasetView, type Upload } from '../support/client.ts';

const url = inject('url');
const client = createClient(url);

/** A file of some thirty chunks, where they are as small as in the tests. */
const RECORDS = 40_000;
const file = (records: number): string =>
  `id,text\n${Array.from({ length: records }, (_, index) => `${index + 1},row ${index + 1}\n`).join('')}`;
const LARGE = file(RECORDS);

async function outcome(method: string, path: string): Promise<string> {
  const response = await fetch(`${url}/v1/datasets/${path}`, { method });
  const body = (await response.json()) as { code?: string; status: string };
  return `${response.status} ${body.code ?? body.status}`;
}

const untilGone = (id: string) =>
  expect.poll(() => outcome('GET', id), { timeout: 30_000 }).toBe('404 not_found');

/** Sends the form and half of the file; gives what ends it. */
function beginUpload({ url: to, fields }: Upload, text: string): () => Promise<number> {
  const boundary = 'boundary';
  const part = (name: string, value: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${name === 'file' ? '; filename="f"' : ''}\r\n\r\n${value}`;
  const parts = [...Object.entries(fields), ['file', text] as const].map(([name, value]) =>
    part(name, value),
  );
  const body = Buffer.from(`${parts.join('\r\n')}\r\n--${boundary}--\r\n`);
  const request = send(to, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, 'content-length': body.length },
  });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request.once('error', reject);
  request.once('response', (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  });
  const half = body.length - Math.floor(text.length / 2);
  request.write(body.subarray(0, half));
  return () => {
    request.end(body.subarray(half));
    return promise;
  };
}

test('a dataset that is deleted while its file is uploaded stays deleted', async () => {
  const { dataset, upload } = await client.create('deleted while uploading');
  const finish = beginUpload(upload, LARGE);
  expect(await client.remove(dataset.id)).toMatchObject({ status: 'deleting' });
  await untilGone(dataset.id);
  // The form is still good, but there is nothing any more for the file to belong to.
  await finish();
  expect(await outcome('POST', `${dataset.id}/complete`)).toBe('404 not_found');
  expect(await outcome('GET', dataset.id)).toBe('404 not_found');
});

/** Deletes a dataset in mid-load. A machine that has loaded it before it is deleted gets one twice as large. */
async function deleteWhileLoading(records: number): Promise<{ id: string; events: string }> {
  const { id } = await client.start('deleted while loading', file(records));
  const followed = await fetch(`${url}/v1/datasets/${id}/events`);
  await client.until(id, ({ status }) => status !== 'queued');
  expect(await client.remove(id)).toMatchObject({ id, status: 'deleting' });
  const events = await followed.text();
  return events.includes('"status":"ready"') ? deleteWhileLoading(2 * records) : { id, events };
}

test('a dataset that is deleted while it is loaded goes, and its followers are told', async () => {
  const { id, events } = await deleteWhileLoading(RECORDS);
  expect(events).toMatch(/"status":"deleting"[^\n]*\n\n$/);
  await untilGone(id);
  for (const part of ['rows', 'rejects', 'profile', 'events']) {
    expect(await outcome('GET', `${id}/${part}`)).toBe('404 not_found');
  }
  // What was on its way for it holds up nothing else.
  expect((await client.load('after a deletion', 'a\n1\n')).status).toBe('ready');
});

test('a dataset that is deleted while it is read answers every reader', async () => {
  const { id } = await client.load('deleted while read', LARGE);
  const seen = new Set<string>();
  const readers = ['rows?limit=1000', 'rows?where.id=7', 'rejects', 'profile', ''].map(async (part) => {
    for (let last = ''; last !== '404';) {
      const response = await fetch(`${url}/v1/datasets/${id}${part && `/${part}`}`);
      const body = (await response.json()) as { code?: string } & Partial<DatasetView>;
      last = String(response.status);
      seen.add(`${last} ${body.code ?? ''}`.trim());
    }
  });
  await client.remove(id);
  await Promise.all(readers);
  expect([...seen].filter((each) => !['200', '409 deleting', '404 not_found'].includes(each))).toEqual([]);
  expect(seen).toContain('404 not_found');
});
