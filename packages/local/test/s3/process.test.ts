import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, eventually, connect, failure, readText } from './harness.ts';

const MEBIBYTE = 1024 ** 2;
const SIZE = 256 * MEBIBYTE;

let dataDir: string;
let child: ChildProcess;
let url: string;
let client: S3Client;

async function start(): Promise<void> {
  child = fork(join(import.meta.dirname, 'serve.ts'), [dataDir]);
  [url] = (await once(child, 'message')) as [string];
  client = connect(url, { requestChecksumCalculation: 'WHEN_REQUIRED' });
}

async function kill(): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'stowage-s3-'));
  await start();
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
});
afterEach(async () => {
  client.destroy();
  await kill();
  rmSync(dataDir, { recursive: true });
});

/** In MiB: the most that the stand-in's process ever had. */
async function peakMemory(): Promise<number> {
  child.send('memory');
  const [peak] = (await once(child, 'message')) as [number];
  return peak;
}

function* parts(size: number): Generator<Buffer> {
  const part = Buffer.alloc(MEBIBYTE, 'stowage,');
  for (let sent = 0; sent < size; sent += part.length) yield part;
}

function hashOf(chunks: Iterable<Buffer>): string {
  const hash = createHash('md5');
  for (const chunk of chunks) hash.update(chunk);
  return `"${hash.digest('hex')}"`;
}

test('256 MiB stream up and down in little memory', async () => {
  const target = { Bucket: BUCKET, Key: 'large' };
  const before = await peakMemory();
  const Body = Readable.from(parts(SIZE));
  const checked = connect(url);
  const put = await checked.send(new PutObjectCommand({ ...target, Body, ContentLength: SIZE }));
  expect(put.ETag).toBe(hashOf(parts(SIZE)));
  const got = await checked.send(new GetObjectCommand(target));
  let size = 0;
  for await (const chunk of got.Body as AsyncIterable<Buffer>) size += chunk.length;
  expect(size).toBe(SIZE);
  expect((await peakMemory()) - before).toBeLessThan(128);
});

test("a browser's form of 256 MiB streams in little memory", async () => {
  const before = await peakMemory();
  const post = await createPresignedPost(client, { Bucket: BUCKET, Key: 'large' });
  const form = new FormData();
  for (const [name, value] of Object.entries(post.fields)) form.append(name, value);
  const part = new Uint8Array(MEBIBYTE);
  form.append('file', new Blob(Array.from({ length: SIZE / MEBIBYTE }, () => part)), 'a.csv');
  const response = await fetch(post.url, { method: 'POST', body: form });
  expect(response.status).toBe(204);
  expect((await peakMemory()) - before).toBeLessThan(128);
});

test('objects, metadata and buckets outlive a killed process; a cut-off upload does not', async () => {
  await client.send(
    new PutObjectCommand({ Bucket: BUCKET, Key: 'whole', Body: 'whole', Metadata: { a: 'b' } }),
  );
  await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'replaced', Body: 'old' }));
  for (const Key of ['replaced', 'new']) await beginUpload(Key);
  await eventually(() => expect(readdirSync(join(dataDir, 'content'))).toHaveLength(4));
  await kill();
  await start();
  expect(await readText(client, 'whole')).toBe('whole');
  expect(await readText(client, 'replaced')).toBe('old');
  expect(await failure(readText(client, 'new'))).toMatchObject({ code: 'NoSuchKey' });
  expect(readdirSync(join(dataDir, 'content'))).toHaveLength(2);
});

/** Sends the first byte of an upload, and no more. */
async function beginUpload(Key: string): Promise<void> {
  const signed = await getSignedUrl(client, new PutObjectCommand({ Bucket: BUCKET, Key }));
  const upload = request(signed, { method: 'PUT', headers: { 'content-length': 1000 } });
  upload.on('error', () => {});
  upload.write('x');
}
