import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness, xmlFailure } from './harness.ts';

const MD5_OF_HELLO = '"5d41402abc4b2a76b9719d911017c592"';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

const target = { Bucket: BUCKET, Key: 'key' };
const put = (input: Partial<PutObjectCommandInput>) =>
  s3.client.send(new PutObjectCommand({ ...target, Body: 'hello', ...input }));

test('an object comes back as it was put, with its headers and metadata', async () => {
  const { ETag } = await put({
    ContentType: 'text/csv',
    ContentDisposition: 'attachment; filename="a.csv"',
    CacheControl: 'no-store',
    Metadata: { tenant: 'a b' },
  });
  const got = await s3.client.send(new GetObjectCommand(target));
  expect(ETag).toBe(MD5_OF_HELLO);
  expect(got).toMatchObject({
    ETag,
    ContentType: 'text/csv',
    ContentDisposition: 'attachment; filename="a.csv"',
    CacheControl: 'no-store',
    Metadata: { tenant: 'a b' },
    ContentLength: 5,
    AcceptRanges: 'bytes',
  });
  expect(got.LastModified).toBeInstanceOf(Date);
  expect(await got.Body?.transformToString()).toBe('hello');
});

test('an empty object can be put and read', async () => {
  await put({ Body: Buffer.alloc(0) });
  expect(await s3.text('key')).toBe('');
});

test('a stream is put without its aws-chunked framing', async () => {
  const body = Buffer.alloc(300_000, 'abcdefg');
  await put({
    Body: Readable.from([body.subarray(0, 100_001), body.subarray(100_001)]),
    ContentLength: body.length,
  });
  const got = await s3.client.send(new GetObjectCommand(target));
  expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(body);
  expect(got.ContentEncoding).toBeUndefined();
});

test('a body of unknown length is refused, as S3 does', async () => {
  const url = await getSignedUrl(s3.unchecked, new PutObjectCommand(target));
  const body = new Blob(['hello']).stream();
  const response = await fetch(url, { method: 'PUT', body, duplex: 'half' });
  expect(await xmlFailure(response)).toMatchObject({ code: 'MissingContentLength', status: 411 });
});

test.each(['CRC32', 'SHA1', 'SHA256'] as const)(
  'a %s checksum is verified and answered',
  async (algorithm) => {
    const output = await put({ ChecksumAlgorithm: algorithm });
    const got = await s3.client.send(new GetObjectCommand({ ...target, ChecksumMode: 'ENABLED' }));
    expect(output[`Checksum${algorithm}`]).toMatch(/=$/);
    expect(got[`Checksum${algorithm}`]).toBe(output[`Checksum${algorithm}`]);
  },
);

test.each([
  { ChecksumCRC32: 'AAAAAA==' },
  { ChecksumSHA256: createHash('sha256').update('other').digest('base64') },
  { ContentMD5: createHash('md5').update('other').digest('base64') },
])('a body that does not fit %j is refused and nothing is stored', async (wrong) => {
  expect(await failure(put(wrong))).toMatchObject({ code: 'BadDigest', status: 400 });
  expect(await failure(s3.text('key'))).toMatchObject({ code: 'NoSuchKey' });
  expect(s3.contentFiles()).toEqual([]);
});

test('a checksum that cannot be verified here is refused, not ignored', async () => {
  expect(await failure(put({ ChecksumCRC32C: 'AAAAAA==' }))).toMatchObject({
    code: 'NotImplemented',
    status: 501,
  });
});

test('HeadObject answers like GetObject, without a body', async () => {
  await put({ ContentType: 'text/csv' });
  const head = await s3.client.send(new HeadObjectCommand(target));
  expect(head).toMatchObject({ ContentLength: 5, ContentType: 'text/csv', ETag: MD5_OF_HELLO });
  await s3.client.send(new DeleteObjectCommand(target));
  expect(await failure(s3.client.send(new HeadObjectCommand(target)))).toMatchObject({
    code: 'NotFound',
    status: 404,
  });
});

test('a pre-signed download may say which headers it is answered with', async () => {
  await put({});
  const command = new GetObjectCommand({
    ...target,
    ResponseContentDisposition: 'attachment; filename="ü.csv"',
  });
  const response = await fetch(await getSignedUrl(s3.client, command));
  expect(response.headers.get('content-disposition')).toMatch(/^attachment; filename=/);
  expect(await response.text()).toBe('hello');
});

test.each([
  ['bytes=0-1', 'he', 'bytes 0-1/5'],
  ['bytes=2-', 'llo', 'bytes 2-4/5'],
  ['bytes=3-99', 'lo', 'bytes 3-4/5'],
  ['bytes=-2', 'lo', 'bytes 3-4/5'],
  ['bytes=-99', 'hello', 'bytes 0-4/5'],
])('the range %s is %j', async (Range, text, ContentRange) => {
  await put({});
  const got = await s3.client.send(new GetObjectCommand({ ...target, Range }));
  expect(got).toMatchObject({ ContentRange, ContentLength: text.length, $metadata: { httpStatusCode: 206 } });
  expect(await got.Body?.transformToString()).toBe(text);
});

test.each(['bytes=5-', 'bytes=9-10', 'bytes=-0'])('the range %s cannot be satisfied', async (Range) => {
  await put({});
  const get = s3.client.send(new GetObjectCommand({ ...target, Range }));
  expect(await failure(get)).toMatchObject({ code: 'InvalidRange', status: 416 });
});

test.each(['lines=1-2', 'bytes=3-1', 'bytes=x'])(
  '%s is no range, so the whole is answered',
  async (Range) => {
    await put({});
    const got = await s3.client.send(new GetObjectCommand({ ...target, Range }));
    expect(got.$metadata.httpStatusCode).toBe(200);
    expect(await got.Body?.transformToString()).toBe('hello');
  },
);

test('If-Match reads what it names, and is 412 after a replacement', async () => {
  const { ETag: IfMatch } = await put({});
  const get = () => s3.client.send(new GetObjectCommand({ ...target, IfMatch, Range: 'bytes=0-0' }));
  expect(await (await get()).Body?.transformToString()).toBe('h');
  await put({ Body: 'other' });
  expect(await failure(get())).toMatchObject({ code: 'PreconditionFailed', status: 412 });
});

test('If-None-Match of what the caller has is 304', async () => {
  const { ETag: IfNoneMatch } = await put({});
  const get = () => s3.client.send(new GetObjectCommand({ ...target, IfNoneMatch }));
  expect(await failure(get())).toMatchObject({ status: 304 });
  await put({ Body: 'other' });
  expect(await (await get()).Body?.transformToString()).toBe('other');
});

test('dates are conditions too', async () => {
  await put({});
  const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)];
  const get = (condition: object) => s3.client.send(new GetObjectCommand({ ...target, ...condition }));
  expect(await failure(get({ IfModifiedSince: future }))).toMatchObject({ status: 304 });
  expect(await failure(get({ IfUnmodifiedSince: past }))).toMatchObject({ status: 412 });
  const got = await get({ IfModifiedSince: past, IfUnmodifiedSince: future });
  expect(await got.Body?.transformToString()).toBe('hello');
});

test('a put with If-None-Match: * creates, and never replaces', async () => {
  await put({ IfNoneMatch: '*' });
  const again = put({ Body: 'other', IfNoneMatch: '*' });
  expect(await failure(again)).toMatchObject({ code: 'PreconditionFailed', status: 412 });
  expect(await s3.text('key')).toBe('hello');
  expect(s3.contentFiles()).toHaveLength(1);
});

test('of many puts with If-None-Match: * at once, one succeeds', async () => {
  const puts = Array.from({ length: 8 }, (_, i) => put({ Body: `${i}`, IfNoneMatch: '*' }));
  const results = await Promise.allSettled(puts);
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('a put with If-Match replaces only what it names', async () => {
  expect(await failure(put({ IfMatch: MD5_OF_HELLO }))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  const { ETag: IfMatch } = await put({});
  await put({ Body: 'second', IfMatch });
  expect(await failure(put({ Body: 'third', IfMatch }))).toMatchObject({ status: 412 });
  expect(await s3.text('key')).toBe('second');
});

test('a deleted object is gone, and to delete it again is no error', async () => {
  await put({});
  const remove = () => s3.client.send(new DeleteObjectCommand(target));
  expect(await remove()).toMatchObject({ $metadata: { httpStatusCode: 204 } });
  expect(await remove()).toMatchObject({ $metadata: { httpStatusCode: 204 } });
  expect(await failure(s3.text('key'))).toMatchObject({ code: 'NoSuchKey', status: 404 });
  expect(s3.contentFiles()).toEqual([]);
});

test('a batch of objects is deleted at once, missing ones too', async () => {
  await s3.put('a & b', '1');
  await s3.put('c', '2');
  const { Deleted } = await s3.client.send(
    new DeleteObjectsCommand({
      Bucket: BUCKET,
      Delete: { Objects: ['a & b', 'missing'].map((Key) => ({ Key })) },
    }),
  );
  expect(Deleted?.map(({ Key }) => Key)).toEqual(['a & b', 'missing']);
  expect(await failure(s3.text('a & b'))).toMatchObject({ code: 'NoSuchKey' });
  expect(await s3.text('c')).toBe('2');
});

test('a batch that names versions deletes none of them', async () => {
  await s3.put('a', '1');
  const Objects = [{ Key: 'a', VersionId: 'v1' }];
  const { Errors } = await s3.client.send(new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }));
  expect(Errors).toMatchObject([{ Key: 'a', Code: 'NotImplemented' }]);
  expect(await s3.text('a')).toBe('1');
});
