import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

const KEYS = [
  '../../etc/passwd',
  '../../../stowage-escaped',
  '/etc/passwd',
  '.',
  '..',
  './a',
  'a//b',
  'a/',
  'a/../b',
  '__proto__',
  'with space',
  'plus+and=and&',
  'per%cent',
  'a%2Fb',
  'ünï/日本語/🎉',
  'quotes\'"!()*',
  '<xml>&amp;',
  'question?mark#hash',
  'semi;colon:at@,comma',
  'back\\slash',
  'tab\tand\nline\r',
  'CON',
  'x'.repeat(1024),
  'é'.repeat(512),
];

test.each(KEYS)('the key %j is kept as it is', async (key) => {
  await s3.put(key, `body of ${key}`);
  expect(await s3.text(key)).toBe(`body of ${key}`);
  const { Contents } = await s3.client.send(
    new ListObjectsV2Command({ Bucket: BUCKET, EncodingType: 'url' }),
  );
  expect(Contents?.map(({ Key }) => decodeURIComponent(Key ?? ''))).toEqual([key]);
});

test('all those keys are different objects', async () => {
  for (const key of KEYS) await s3.put(key, key);
  for (const key of KEYS) expect(await s3.text(key)).toBe(key);
});

test('no key leaves the data directory', async () => {
  for (const key of KEYS) await s3.put(key, key);
  expect(readdirSync(s3.dataDir).toSorted()).toEqual(['buckets', 'content']);
  expect(readdirSync(join(s3.dataDir, 'buckets'))).toEqual([BUCKET]);
  expect(existsSync(join(dirname(s3.dataDir), 'stowage-escaped'))).toBe(false);
});

test('pre-signed URLs work for keys that need encoding', async () => {
  const key = 'a b/ü+%2F&?.csv';
  await s3.put(key, 'text');
  const url = await getSignedUrl(s3.client, new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  expect(await (await fetch(url)).text()).toBe('text');
});

test('a key of more than 1024 bytes is too long', async () => {
  expect(await failure(s3.put('x'.repeat(1025), 'text'))).toMatchObject({
    code: 'KeyTooLongError',
    status: 400,
  });
  expect(await failure(s3.put('é'.repeat(513), 'text'))).toMatchObject({
    code: 'KeyTooLongError',
    status: 400,
  });
});
