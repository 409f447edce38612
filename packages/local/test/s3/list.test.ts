import {
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

async function fill(keys: string[]): Promise<void> {
  for (const key of keys) await s3.put(key, key);
}

async function list(input: Partial<ListObjectsV2CommandInput> = {}) {
  const page = await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, ...input }));
  const keys = page.Contents?.map(({ Key }) => Key) ?? [];
  return { ...page, keys, prefixes: page.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? [] };
}

test('an empty bucket has no keys', async () => {
  expect(await list()).toMatchObject({ keys: [], KeyCount: 0, IsTruncated: false });
});

test('keys are in the order of their UTF-8 bytes, with size, ETag and date', async () => {
  await fill(['b', 'a', 'B', '\u{1f389}', '\uff5e', 'ä']);
  const page = await list();
  expect(page.keys).toEqual(['B', 'a', 'b', 'ä', '\uff5e', '\u{1f389}']);
  expect(page.Contents?.[0]).toMatchObject({ Size: 1, ETag: '"9d5ed678fe57bcca610140957afab571"' });
  expect(page.Contents?.[0]?.LastModified).toBeInstanceOf(Date);
});

test('a prefix selects keys', async () => {
  await fill(['a', 'a/1', 'a/2', 'ab', 'b']);
  expect((await list({ Prefix: 'a/' })).keys).toEqual(['a/1', 'a/2']);
});

test('a delimiter folds keys into common prefixes, also behind a prefix', async () => {
  await fill(['a', 'a/1', 'a/2', 'a/x/1', 'b/1', 'c']);
  expect(await list({ Delimiter: '/' })).toMatchObject({
    keys: ['a', 'c'],
    prefixes: ['a/', 'b/'],
    KeyCount: 4,
  });
  const inner = await list({ Delimiter: '/', Prefix: 'a/' });
  expect(inner).toMatchObject({ keys: ['a/1', 'a/2'], prefixes: ['a/x/'] });
});

test.each([1, 2, 3])('pages of %i give each key and each common prefix once', async (pageSize) => {
  await fill(['a', 'b/', 'b/1', 'b/2', 'c', 'd/1', 'd/2', 'd0']);
  const seen: (string | undefined)[] = [];
  const pages = paginateListObjectsV2({ client: s3.client, pageSize }, { Bucket: BUCKET, Delimiter: '/' });
  for await (const { Contents = [], CommonPrefixes = [] } of pages) {
    expect(Contents.length + CommonPrefixes.length).toBeLessThanOrEqual(pageSize);
    seen.push(...Contents.map(({ Key }) => Key), ...CommonPrefixes.map(({ Prefix }) => Prefix));
  }
  expect(seen).toHaveLength(5);
  expect(new Set(seen)).toEqual(new Set(['a', 'b/', 'c', 'd/', 'd0']));
});

test('a page goes on where the last one ended, even when that key is gone', async () => {
  await fill(['a', 'b', 'c']);
  const first = await list({ MaxKeys: 2 });
  expect(first).toMatchObject({ keys: ['a', 'b'], IsTruncated: true });
  await s3.put('aa', 'new');
  const second = await list({ MaxKeys: 2, ContinuationToken: first.NextContinuationToken });
  expect(second).toMatchObject({ keys: ['c'], IsTruncated: false });
});

test('start-after begins behind a key', async () => {
  await fill(['a', 'b', 'c']);
  expect((await list({ StartAfter: 'a' })).keys).toEqual(['b', 'c']);
});

test('max-keys of 0 gives nothing and is not truncated', async () => {
  await fill(['a']);
  expect(await list({ MaxKeys: 0 })).toMatchObject({ keys: [], IsTruncated: false });
});

test('encoding-type=url percent-encodes keys and prefixes', async () => {
  await fill(['a b/ü', 'x+y']);
  const page = await list({ EncodingType: 'url', Delimiter: '/' });
  expect(page).toMatchObject({ EncodingType: 'url', keys: ['x%2By'], prefixes: ['a%20b/'] });
});

test('a made-up continuation token is refused', async () => {
  expect(await failure(list({ ContinuationToken: 'made-up' }))).toMatchObject({ code: 'InvalidArgument' });
});
