import { buffer } from 'node:stream/consumers';
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, expect, test } from 'vitest';
import { FileChanged, type FileStore, MAX_UPLOAD_BYTES, type UploadForm } from '../../src/index.ts';
import { type Backends, newRef, startBackends } from './support.ts';

let backends: Backends;
let files: FileStore;
beforeAll(async () => {
  backends = await startBackends();
  ({ files } = backends);
});

const TEXT = 'iata,city\nSFO,San Francisco\n';

async function send({ url, fields }: UploadForm, file: string): Promise<{ status: number; text: string }> {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  data.append('file', new Blob([file]));
  const response = await fetch(url, { method: 'POST', body: data });
  return { status: response.status, text: await response.text() };
}

/** @returns id and ETag of a file that was uploaded with a form */
async function upload(text = TEXT, { id } = newRef()): Promise<{ id: string; etag: string }> {
  expect((await send(await files.uploadForm(id, 60), text)).status).toBe(204);
  return { id, etag: (await files.head(id))?.etag ?? '' };
}

const objects = async (id: string) => {
  const { Contents = [] } = await backends.s3.send(new ListObjectsV2Command({ Bucket: backends.bucket }));
  return Contents.map(({ Key = '' }) => Key).filter((key) => key.includes(id));
};

test('a file is uploaded with a form, and then it is there', async () => {
  const { id } = newRef();
  expect(await files.head(id)).toBeUndefined();
  await upload(TEXT, { id, tenant: 'a' });
  expect(await files.head(id)).toEqual({
    bytes: TEXT.length,
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
  });
});

test('a form says how long it is valid and how large a file may be', async () => {
  const before = Date.now();
  const form = await files.uploadForm(newRef().id, 60);
  expect(form.maxBytes).toBe(MAX_UPLOAD_BYTES);
  expect(Date.parse(form.expiresAt) - before).toBeGreaterThan(58_000);
  expect(Date.parse(form.expiresAt) - before).toBeLessThan(65_000);
  const policy = JSON.parse(Buffer.from(form.fields['Policy'] ?? '', 'base64').toString()) as {
    conditions: unknown[];
    expiration: string;
  };
  expect(Date.parse(form.expiresAt)).toBeLessThanOrEqual(Date.parse(policy.expiration));
  expect(policy.conditions).toContainEqual(['content-length-range', 1, MAX_UPLOAD_BYTES]);
});

test('a form that has expired takes no file', async () => {
  const { id } = newRef();
  expect(await send(await files.uploadForm(id, -1), TEXT)).toMatchObject({
    status: 403,
    text: expect.stringContaining('Policy expired'),
  });
  expect(await files.head(id)).toBeUndefined();
});

test('a form refuses a file of another size, under another key, or with another policy', async () => {
  const { id } = newRef();
  const form = await files.uploadForm(id, 60);
  expect(await send(form, '')).toMatchObject({
    status: 400,
    text: expect.stringContaining('EntityTooSmall'),
  });
  const elsewhere = { ...form.fields, key: `uploads/${newRef().id}` };
  expect((await send({ ...form, fields: elsewhere }, TEXT)).status).toBe(403);
  const policy = Buffer.from(form.fields['Policy'] ?? '', 'base64').toString();
  const widened = policy.replace(String(MAX_UPLOAD_BYTES), String(2 * MAX_UPLOAD_BYTES));
  expect(widened).not.toBe(policy);
  const forged = { ...form.fields, Policy: Buffer.from(widened).toString('base64') };
  expect((await send({ ...form, fields: forged }, TEXT)).status).toBe(403);
  expect(await files.head(id)).toBeUndefined();
});

test('a file is read whole or in part, to the byte', async () => {
  const { id, etag } = await upload();
  const read = async (range?: { start: number; end: number }) =>
    (await buffer(await files.read(id, etag, range))).toString();
  expect(await read()).toBe(TEXT);
  expect(await read({ start: 0, end: 1 })).toBe('i');
  expect(await read({ start: 10, end: 13 })).toBe('SFO');
  expect(await read({ start: TEXT.length - 1, end: TEXT.length })).toBe('\n');
});

test.each([undefined, { start: 0, end: 4 }])('a file that was replaced is not read: %o', async (range) => {
  const { id, etag } = await upload();
  await upload('something else\n', { id, tenant: 'a' });
  const failed = files.read(id, etag, range);
  await expect(failed).rejects.toBeInstanceOf(FileChanged);
  await expect(failed).rejects.toThrow('replaced');
});

test('a file that was removed is not read', async () => {
  const { id, etag } = await upload();
  await files.remove(id);
  const failed = files.read(id, etag);
  await expect(failed).rejects.toBeInstanceOf(FileChanged);
  await expect(failed).rejects.toThrow('removed');
});

test('a file that is replaced while it is read is read to its end, as it was', async () => {
  const text = 'x'.repeat(8_000_000);
  const { id, etag } = await upload(text);
  const body = await files.read(id, etag);
  await upload('y', { id, tenant: 'a' });
  expect((await buffer(body)).equals(Buffer.from(text))).toBe(true);
});

test('a read that is aborted fails, before it has begun and in the middle', async () => {
  const { id, etag } = await upload('x'.repeat(8_000_000));
  await expect(files.read(id, etag, undefined, AbortSignal.abort())).rejects.toMatchObject({
    name: 'AbortError',
  });
  const abort = new AbortController();
  const body = await files.read(id, etag, undefined, abort.signal);
  body.once('data', () => abort.abort());
  await expect(buffer(body)).rejects.toThrow('abort');
});

test('column names are kept beside the file, and both are removed, twice if need be', async () => {
  const { id } = await upload();
  const columns = ['ü', '', '"', 'a\nb'];
  await files.putColumns(id, columns);
  expect(await files.getColumns(id)).toEqual(columns);
  expect(await objects(id)).toHaveLength(2);
  await files.remove(id);
  await files.remove(id);
  expect(await objects(id)).toEqual([]);
  expect(await files.head(id)).toBeUndefined();
  expect(await files.getColumns(id)).toBeNull();
});

test('removing leaves the files of others alone', async () => {
  const [one, other] = [await upload(), await upload()];
  await backends.s3.send(
    new PutObjectCommand({ Bucket: backends.bucket, Key: `uploads/${one.id}x`, Body: 'x' }),
  );
  await files.remove(one.id);
  expect(await files.head(other.id)).toBeDefined();
  expect(await objects(one.id)).toEqual([`uploads/${one.id}x`]);
});
