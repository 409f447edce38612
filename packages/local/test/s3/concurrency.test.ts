import { readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startS3 } from '../../src/s3/index.ts';
import { BUCKET, eventually, CREDENTIALS, type Harness, openHarness } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

const target = { Bucket: BUCKET, Key: 'key' };

/** A pre-signed upload that the test sends part by part. */
async function openUpload(length: number) {
  const url = await getSignedUrl(s3.unchecked, new PutObjectCommand(target));
  const upload = request(url, { method: 'PUT', headers: { 'content-length': length } });
  upload.on('error', () => {});
  const status = new Promise<number | undefined>((resolve) => {
    upload.on('response', (response) => resolve(response.resume().statusCode));
  });
  return { upload, status };
}

test('of uploads of one key at once each is read whole or not at all, and one remains', async () => {
  const bodies = Array.from({ length: 12 }, (_, i) => Buffer.alloc(500_000 + i, String.fromCharCode(97 + i)));
  await s3.put('key', bodies[0] ?? '');
  const uploads = Promise.all(bodies.map((body) => s3.put('key', body)));
  const reads = Array.from({ length: 30 }, async () => {
    expect(bodies.map(String)).toContain(await s3.text('key'));
  });
  await Promise.all([uploads, ...reads]);
  expect(s3.contentFiles()).toHaveLength(1);
});

test('of two overlapping uploads the one that completes last wins', async () => {
  const slow = await openUpload(8);
  slow.upload.write('slow');
  await eventually(() => expect(s3.contentFiles()).toHaveLength(1));
  await s3.put('key', 'fast');
  expect(await s3.text('key')).toBe('fast');
  slow.upload.end('slow');
  expect(await slow.status).toBe(200);
  expect(await s3.text('key')).toBe('slowslow');
  expect(s3.contentFiles()).toHaveLength(1);
});

test('an upload whose client goes away leaves nothing and replaces nothing', async () => {
  await s3.put('key', 'old');
  const { upload } = await openUpload(1000);
  upload.write('new');
  await eventually(() => expect(s3.contentFiles()).toHaveLength(2));
  upload.destroy();
  await eventually(() => expect(s3.contentFiles()).toHaveLength(1));
  expect(await s3.text('key')).toBe('old');
});

test('a reader keeps what it opened when the object is replaced or deleted meanwhile', async () => {
  const old = Buffer.alloc(20_000_000, 'old');
  await s3.put('key', old);
  const { Body } = await s3.client.send(new GetObjectCommand(target));
  await s3.put('key', 'new');
  expect(await s3.text('key')).toBe('new');
  expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(old)).toBe(true);
});

test.runIf(process.platform === 'linux')('a reader that goes away leaves no file open', async () => {
  await s3.put('key', Buffer.alloc(20_000_000));
  const abort = new AbortController();
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target));
  await (await fetch(url, { signal: abort.signal })).body?.getReader().read();
  abort.abort();
  await eventually(() => expect(openContent()).toEqual([]));
});

/** The content files that this process has open. */
function openContent(): string[] {
  return readdirSync('/proc/self/fd')
    .flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`, 'utf8');
      } catch {
        return []; // closed since, like the one that listed them
      }
    })
    .filter((path) => path.startsWith(join(s3.dataDir, 'content')));
}

test('close ends uploads that are under way, and removes what they wrote', async () => {
  const other = await openHarness();
  const url = await getSignedUrl(other.unchecked, new PutObjectCommand(target));
  const upload = request(url, { method: 'PUT', headers: { 'content-length': 1000 } });
  upload.on('error', () => {});
  upload.write('x');
  await eventually(() => expect(other.contentFiles()).toHaveLength(1));
  await other.stop();
  expect(other.contentFiles()).toEqual([]);
  await other.close();
});

test('a second start on the same port touches nothing of the first', async () => {
  const { upload, status } = await openUpload(4);
  upload.write('ab');
  await eventually(() => expect(s3.contentFiles()).toHaveLength(1));
  const second = startS3({
    dataDir: s3.dataDir,
    port: Number(new URL(s3.url).port),
    credentials: CREDENTIALS,
  });
  await expect(second).rejects.toThrow('EADDRINUSE');
  upload.end('cd');
  expect(await status).toBe(200);
  expect(await s3.text('key')).toBe('abcd');
});
