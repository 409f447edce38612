import { connect as connectSocket } from 'node:net';
import { text } from 'node:stream/consumers';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BUCKET, failure, type Harness, openHarness, xmlFailure } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
  await s3.put('key', 'text');
});
afterEach(() => s3.close());

const target = { Bucket: BUCKET, Key: 'key' };

interface Sent {
  path: string;
  headers: Record<string, string>;
  query: Record<string, string>;
  body: unknown;
}

/** A client whose requests are changed on their way, after they were signed. */
function tampering(change: (request: Sent) => void): S3Client {
  const client = s3.connect({});
  client.middlewareStack.add(
    (next) => (args) => {
      change(args.request as Sent);
      return next(args);
    },
    { step: 'deserialize', priority: 'high', name: 'tamper' },
  );
  return client;
}

test.each<[string, Partial<S3ClientConfig>, string]>([
  [
    'another secret',
    { credentials: { accessKeyId: 'local', secretAccessKey: 'wrong' } },
    'SignatureDoesNotMatch',
  ],
  [
    'an unknown key',
    { credentials: { accessKeyId: 'other', secretAccessKey: 'local-secret' } },
    'InvalidAccessKeyId',
  ],
  ['a clock 16 minutes slow', { systemClockOffset: -16 * 60_000 }, 'RequestTimeTooSkewed'],
  ['a clock 16 minutes fast', { systemClockOffset: 16 * 60_000 }, 'RequestTimeTooSkewed'],
])('%s is refused', async (_what, config, code) => {
  const get = s3.connect(config).send(new GetObjectCommand(target));
  expect(await failure(get)).toMatchObject({ code, status: 403 });
});

test('a clock 14 minutes off is good enough', async () => {
  const got = await s3.connect({ systemClockOffset: -14 * 60_000 }).send(new GetObjectCommand(target));
  expect(await got.Body?.transformToString()).toBe('text');
});

test('a signature for another region is refused', async () => {
  const get = s3.connect({ region: 'eu-west-1' }).send(new GetObjectCommand(target));
  expect(await failure(get)).toMatchObject({ code: 'AuthorizationHeaderMalformed', status: 400 });
});

test('an unsigned request is refused', async () => {
  for (const path of ['', `/${BUCKET}`, `/${BUCKET}/key`, '/no-such-bucket/key']) {
    const response = await fetch(s3.url + path);
    expect(await xmlFailure(response)).toMatchObject({ code: 'AccessDenied', status: 403 });
  }
});

test.each<[string, (request: Sent) => void]>([
  ['path', (request) => (request.path = `/${BUCKET}/other`)],
  ['query', (request) => (request.query['prefix'] = 'other')],
  ['date', (request) => (request.headers['x-amz-date'] = '20200101T000000Z')],
  ['payload hash', (request) => (request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD')],
  ['metadata', (request) => (request.headers['x-amz-meta-a'] = 'b')],
])('a change of the %s after signing is refused', async (_what, change) => {
  const put = tampering(change).send(new PutObjectCommand({ ...target, Body: 'evil', Metadata: { a: 'a' } }));
  expect((await failure(put)).status).toBeGreaterThanOrEqual(400);
  expect(await s3.text('key')).toBe('text');
});

test('a change of a query parameter after signing is refused', async () => {
  const client = tampering((request) => (request.query['prefix'] = 'k'));
  const list = client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix: 'a' }));
  expect(await failure(list)).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
});

test('a header that S3 would act on cannot be added after signing', async () => {
  const client = tampering((request) => (request.headers['x-amz-meta-added'] = 'yes'));
  const put = client.send(new PutObjectCommand({ ...target, Body: 'evil' }));
  expect(await failure(put)).toMatchObject({ code: 'AccessDenied', status: 403 });
});

test('a body that is not the signed one is refused and not stored', async () => {
  const client = tampering((request) => (request.body = 'evil'));
  const put = client.send(new PutObjectCommand({ ...target, Body: 'good' }));
  expect(await failure(put)).toMatchObject({ code: 'XAmzContentSHA256Mismatch', status: 400 });
  expect(await s3.text('key')).toBe('text');
});

test('a mismatch tells what was signed here', async () => {
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target));
  const body = await (await fetch(url.replace('/key?', '/other?'))).text();
  expect(body).toContain('<CanonicalRequest>GET&#10;/bucket/other&#10;');
  expect(body).toContain('<Resource>/bucket/other</Resource>');
});

test('errors carry the request id of their header', async () => {
  const response = await fetch(`${s3.url}/${BUCKET}`);
  const id = response.headers.get('x-amz-request-id');
  expect(id).toMatch(/^[\dA-F]{16}$/);
  expect(await response.text()).toContain(`<RequestId>${id}</RequestId>`);
});

test('a pre-signed PUT uploads with what was signed', async () => {
  const command = new PutObjectCommand({
    Bucket: BUCKET,
    Key: 'new',
    Metadata: { a: 'b' },
    ContentType: 'text/csv',
  });
  const url = await getSignedUrl(s3.unchecked, command);
  const headers = { 'content-type': 'text/csv' };
  const response = await fetch(url, { method: 'PUT', body: 'signed', headers });
  expect(response.status).toBe(200);
  const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'new' }));
  expect(got).toMatchObject({ ContentType: 'text/csv', Metadata: { a: 'b' } });
  expect(await got.Body?.transformToString()).toBe('signed');
});

test('a pre-signed PUT with the checksum of an empty body takes no other, as in S3', async () => {
  const url = await getSignedUrl(s3.client, new PutObjectCommand(target));
  const response = await fetch(url, { method: 'PUT', body: 'signed' });
  expect(await xmlFailure(response)).toMatchObject({ code: 'BadDigest', status: 400 });
});

test('a pre-signed URL is good for its method and key only', async () => {
  const url = await getSignedUrl(s3.unchecked, new PutObjectCommand(target));
  for (const request of [
    fetch(url),
    fetch(url, { method: 'DELETE' }),
    fetch(url.replace('/key?', '/other?'), { method: 'PUT', body: 'evil' }),
  ]) {
    expect(await xmlFailure(await request)).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
  }
});

test('metadata cannot be added to a pre-signed PUT', async () => {
  const url = await getSignedUrl(s3.unchecked, new PutObjectCommand(target));
  const headers = { 'x-amz-meta-added': 'yes' };
  const response = await fetch(url, { method: 'PUT', body: 'evil', headers });
  expect(await xmlFailure(response)).toMatchObject({ code: 'AccessDenied', status: 403 });
});

test('a pre-signed URL expires', async () => {
  const signingDate = new Date(Date.now() - 61_000);
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target), { expiresIn: 60, signingDate });
  expect(await xmlFailure(await fetch(url))).toEqual({
    code: 'AccessDenied',
    status: 403,
    message: 'Request has expired',
  });
});

test('the expiry of a pre-signed URL cannot be put off', async () => {
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target), { expiresIn: 60 });
  const response = await fetch(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=6000'));
  expect(await xmlFailure(response)).toMatchObject({ code: 'SignatureDoesNotMatch', status: 403 });
});

test('a pre-signed URL of the future is not valid yet', async () => {
  const signingDate = new Date(Date.now() + 20 * 60_000);
  const url = await getSignedUrl(s3.client, new GetObjectCommand(target), { signingDate });
  expect(await xmlFailure(await fetch(url))).toMatchObject({
    code: 'AccessDenied',
    message: 'Request is not valid yet',
  });
});

test.each(['X-Amz-Date=now', 'X-Amz-Date=20261399T000000Z', 'X-Amz-Expires=-1', 'X-Amz-Expires=604801'])(
  'a pre-signed URL with %s is malformed',
  async (parameter) => {
    const url = await getSignedUrl(s3.client, new GetObjectCommand(target));
    const [name = ''] = parameter.split('=');
    const response = await fetch(url.replace(new RegExp(`${name}=[^&]*`), parameter));
    expect(response.status).toBe(400);
  },
);

test('a refused upload that waits for 100 Continue never sends its body', async () => {
  const { port } = new URL(s3.url);
  const socket = connectSocket(Number(port), '127.0.0.1');
  socket.end(
    `PUT /${BUCKET}/key HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
  );
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  expect(answer).not.toContain('100 Continue');
});

test.each(['/%zz', '/bucket/%ff', 'http://elsewhere/bucket', '*'])(
  'the target %s is an invalid URI',
  async (path) => {
    const { port } = new URL(s3.url);
    const socket = connectSocket(Number(port), '127.0.0.1');
    socket.end(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 /);
  },
);
