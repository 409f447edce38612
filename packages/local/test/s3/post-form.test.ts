import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { GetObjectCommand, PutBucketCorsCommand } from '@aws-sdk/client-s3';
import { createPresignedPost, type PresignedPostOptions } from '@aws-sdk/s3-presigned-post';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sign } from '../../src/sigv4/canonical.ts';
import { BUCKET, CREDENTIALS, failure, type Harness, openHarness, xmlFailure } from './harness.ts';

let s3: Harness;
beforeEach(async () => {
  s3 = await openHarness();
});
afterEach(() => s3.close());

type Fields = Record<string, string>;

function presign(options: Partial<PresignedPostOptions> = {}): Promise<{ url: string; fields: Fields }> {
  return createPresignedPost(s3.client, { Bucket: BUCKET, Key: 'key', ...options });
}

/** Signs any policy, one also that the SDK would not make. */
function signPolicy(conditions: unknown, expiration: unknown = new Date(Date.now() + 60_000)): Fields {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${date.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const signed: Fields = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${CREDENTIALS.accessKeyId}/${scope}`,
    'x-amz-date': date,
  };
  const all = Array.isArray(conditions) ? [...(conditions as unknown[]), signed] : conditions;
  const policy = Buffer.from(JSON.stringify({ expiration, conditions: all })).toString('base64');
  return { ...signed, policy, 'x-amz-signature': sign(CREDENTIALS.secretAccessKey, scope, policy) };
}

/** Posts as a browser does: the fields, then the file. */
function post(
  fields: Fields,
  file: string | Buffer = 'hello',
  init: { name?: string; headers?: Fields } = {},
) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([new Uint8Array(Buffer.from(file))]), init.name ?? 'a.csv');
  return fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body: form, headers: init.headers ?? {} });
}

/** What a form was refused with, and what of it stayed nevertheless. */
async function refusal(response: Response) {
  const { code, message } = await xmlFailure(response);
  return { code, message, stored: s3.contentFiles() };
}

function refused(code: string, message = '') {
  return { code, message: expect.stringContaining(message), stored: [] };
}

test('a form uploads its file, with the content type and metadata of its fields', async () => {
  const Fields = { 'Content-Type': 'text/csv', 'x-amz-meta-tenant': 'a' };
  const { url, fields } = await presign({ Fields });
  expect(url.replace(/\/$/, '')).toBe(`${s3.url}/${BUCKET}`);
  const response = await post(fields);
  expect(response.status).toBe(204);
  expect(response.headers.get('etag')).toBe('"5d41402abc4b2a76b9719d911017c592"');
  expect(response.headers.get('location')).toBe(`${s3.url}/${BUCKET}/key`);
  const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'key' }));
  expect(got).toMatchObject({ ContentType: 'text/csv', Metadata: { tenant: 'a' } });
  expect(await got.Body?.transformToString()).toBe('hello');
});

test('a file that looks like a boundary is kept byte by byte', async () => {
  const { fields } = await presign();
  const file = Buffer.from('\r\n--\r\n------\r\n\r\n--x\r\n\u0000'.repeat(20_000));
  await post(fields, file);
  expect(await s3.text('key')).toBe(file.toString());
});

test('success_action_status 201 answers where the object is', async () => {
  const Fields = { success_action_status: '201' };
  const response = await post((await presign({ Fields, Key: 'a b&c' })).fields);
  expect(response.status).toBe(201);
  const body = await response.text();
  expect(body).toContain(`<Location>${s3.url}/${BUCKET}/a%20b%26c</Location>`);
  expect(body).toContain(`<Bucket>${BUCKET}</Bucket><Key>a b&#38;c</Key>`);
  expect(body).toContain('<ETag>&#34;5d41402abc4b2a76b9719d911017c592&#34;</ETag>');
});

test.each([
  ['200', 200],
  ['204', 204],
  ['302', 204],
])('success_action_status %s answers %i', async (status, expected) => {
  const { fields } = await presign({ Fields: { success_action_status: status } });
  const response = await post(fields);
  expect(response.status).toBe(expected);
  expect(await response.text()).toBe('');
});

test('${filename} in the key is the name of the file, without its path', async () => {
  const { fields } = await presign({ Key: 'in/${filename}' });
  await post(fields, 'hello', { name: 'C:\\dir\\ü $& b.csv' });
  expect(await s3.text('in/ü $& b.csv')).toBe('hello');
});

test('a file larger than allowed is refused', async () => {
  const { fields } = await presign({ Conditions: [['content-length-range', 1, 5]] });
  expect((await post(fields, '12345')).status).toBe(204);
  const { fields: again } = await presign({ Key: 'again', Conditions: [['content-length-range', 1, 5]] });
  expect(await xmlFailure(await post(again, '123456'))).toMatchObject({
    code: 'EntityTooLarge',
    status: 400,
  });
  expect(await failure(s3.text('again'))).toMatchObject({ code: 'NoSuchKey' });
  expect(s3.contentFiles()).toHaveLength(1);
});

test('a file smaller than allowed is refused', async () => {
  const { fields } = await presign({ Conditions: [['content-length-range', 1, 5]] });
  expect(await refusal(await post(fields, ''))).toEqual(refused('EntityTooSmall'));
});

/** A form as it goes over the wire, up to where its file's bytes begin. */
function formHead(fields: Fields): string {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return `${parts.join('')}--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n`;
}

test('a file that turns too large is refused while it is still being sent', async () => {
  const { fields } = await presign({ Conditions: [['content-length-range', 1, 1_000_000]] });
  const upload = request(`${s3.url}/${BUCKET}`, {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b', 'content-length': 10 * 1024 ** 3 },
  });
  upload.on('error', () => {});
  const answered = new Promise<number | undefined>((resolve) => {
    upload.on('response', (response) => resolve(response.resume().statusCode));
  });
  upload.write(formHead(fields));
  upload.write(Buffer.alloc(1_000_001));
  expect(await answered).toBe(400);
  upload.destroy();
  expect(s3.contentFiles()).toEqual([]);
});

test('a client that reads no answer before it has sent all gets it nevertheless', async () => {
  const { fields } = await presign({ Conditions: [['content-length-range', 1, 1_000_000]] });
  const body = Buffer.concat([Buffer.from(formHead(fields)), Buffer.alloc(30_000_000)]);
  const socket = connect(Number(new URL(s3.url).port), '127.0.0.1');
  socket.write(`POST /${BUCKET} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n`);
  socket.write('Content-Type: multipart/form-data; boundary=b\r\nConnection: close\r\n\r\n');
  await new Promise((resolve) => socket.write(body, resolve));
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 [^]*<Code>EntityTooLarge<\/Code>/);
});

test('an expired policy is refused', async () => {
  const { fields } = await presign({ Expires: -1 });
  expect(await refusal(await post(fields))).toEqual(
    refused('AccessDenied', 'Invalid according to Policy: Policy expired.'),
  );
});

test('another key than the signed one is refused', async () => {
  const { fields } = await presign();
  const response = await post({ ...fields, key: 'other' });
  const message =
    'Invalid according to Policy: Policy Condition failed: [&#34;eq&#34;, &#34;$key&#34;'.replaceAll(
      ', ',
      ',',
    );
  expect(await xmlFailure(response)).toEqual({
    code: 'AccessDenied',
    status: 403,
    message: `${message},&#34;key&#34;]`,
  });
  expect(await failure(s3.text('other'))).toMatchObject({ code: 'NoSuchKey' });
});

test('another bucket than the signed one is refused', async () => {
  const { fields } = await createPresignedPost(s3.client, { Bucket: 'other', Key: 'key' });
  expect(await refusal(await post(fields))).toEqual(refused('InvalidArgument', 'other'));
  const { bucket: _bucket, ...rest } = fields;
  expect(await refusal(await post(rest))).toEqual(refused('AccessDenied', '$bucket'));
});

test('a tampered policy is refused', async () => {
  const { fields } = await presign({ Conditions: [['content-length-range', 1, 5]] });
  const policy = Buffer.from(fields['Policy'] ?? '', 'base64').toString();
  const tampered = Buffer.from(policy.replace('1,5]', '1,9]')).toString('base64');
  expect(tampered).not.toBe(fields['Policy']);
  expect(await refusal(await post({ ...fields, Policy: tampered }, '123456'))).toEqual(
    refused('SignatureDoesNotMatch'),
  );
});

test('a tampered signature is refused', async () => {
  const { fields } = await presign();
  const signature = (fields['X-Amz-Signature'] ?? '').replace(/.$/, (digit) => (digit === '0' ? '1' : '0'));
  expect(await refusal(await post({ ...fields, 'X-Amz-Signature': signature }))).toEqual(
    refused('SignatureDoesNotMatch'),
  );
});

test('a policy that was signed with another secret, or by another key, is refused', async () => {
  const signedBy = (credentials: typeof CREDENTIALS) =>
    createPresignedPost(s3.connect({ credentials }), { Bucket: BUCKET, Key: 'key' });
  const wrong = await signedBy({ ...CREDENTIALS, secretAccessKey: 'wrong' });
  expect(await refusal(await post(wrong.fields))).toEqual(refused('SignatureDoesNotMatch'));
  const unknown = await signedBy({ ...CREDENTIALS, accessKeyId: 'other' });
  expect(await refusal(await post(unknown.fields))).toEqual(refused('InvalidAccessKeyId'));
});

test('a form without a policy is refused', async () => {
  expect(await refusal(await post({ key: 'key' }))).toEqual(refused('AccessDenied'));
});

test('a field that the policy does not mention is refused', async () => {
  const { fields } = await presign();
  const message = 'Invalid according to Policy: Extra input fields: x-amz-meta-admin';
  expect(await refusal(await post({ ...fields, 'x-amz-meta-admin': 'true' }))).toEqual(
    refused('AccessDenied', message),
  );
  expect(await refusal(await post({ ...fields, 'Content-Type': 'text/html' }))).toEqual(
    refused('AccessDenied', 'content-type'),
  );
});

test('a policy that mentions no bucket is refused', async () => {
  const fields = { key: 'key', ...signPolicy([{ key: 'key' }]) };
  expect(await refusal(await post(fields))).toEqual(refused('AccessDenied', 'Extra input fields: bucket'));
});

test('x-ignore- fields need no condition', async () => {
  const { fields } = await presign();
  expect((await post({ ...fields, 'x-ignore-submit': 'Upload' })).status).toBe(204);
});

test('starts-with takes any end, and an empty one anything', async () => {
  const Conditions: PresignedPostOptions['Conditions'] = [
    ['starts-with', '$Content-Type', 'text/'],
    ['starts-with', '$x-amz-meta-note', ''],
  ];
  const { fields } = await presign({ Conditions });
  const good = { ...fields, 'Content-Type': 'text/csv', 'x-amz-meta-note': 'any' };
  expect(await refusal(await post({ ...good, 'Content-Type': 'image/png' }))).toEqual(
    refused('AccessDenied', 'starts-with'),
  );
  expect((await post(good)).status).toBe(204);
});

test('a condition on a field that the form lacks does not hold', async () => {
  const { fields } = await presign({ Conditions: [{ 'x-amz-meta-tenant': 'a' }] });
  expect(await refusal(await post(fields))).toEqual(refused('AccessDenied', 'x-amz-meta-tenant'));
});

test.each([
  ['no list', 'all'],
  ['an unknown operator', [['matches', '$key', 'key']]],
  ['a number', [{ key: 5 }]],
  ['a range that is none', [['content-length-range', 1, 'many']]],
])('a policy whose conditions are %s is invalid', async (_what, conditions) => {
  expect(await refusal(await post({ key: 'key', ...signPolicy(conditions) }))).toEqual(
    refused('InvalidPolicyDocument'),
  );
});

test('a policy without an expiration is invalid', async () => {
  const fields = { key: 'key', ...signPolicy([{ key: 'key' }, { bucket: BUCKET }], 'never') };
  expect(await refusal(await post(fields))).toEqual(refused('InvalidPolicyDocument', 'expiration'));
});

test('a key may try to leave the bucket and does not', async () => {
  const key = '../../../../tmp/evil';
  expect((await post((await presign({ Key: key })).fields)).status).toBe(204);
  expect(await s3.text(key)).toBe('hello');
});

test('a field cannot break out of the header it becomes', async () => {
  const { fields } = await presign({ Fields: { 'x-amz-meta-a': 'ü\r\nset-cookie: evil' } });
  expect((await post(fields)).status).toBe(204);
  const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'key' }));
  expect(got.Metadata?.['a']).toMatch(/^=\?UTF-8\?B\?[\w+/]+=*\?=$/);
});

test('a field whose name cannot be a header is refused', async () => {
  const { fields } = await presign({ Fields: { 'x-amz-meta-a b': 'c' } });
  expect(await refusal(await post(fields))).toEqual(refused('InvalidArgument', 'x-amz-meta-a b'));
});

test('a field given twice is refused', async () => {
  const { fields } = await presign();
  const form = new FormData();
  for (const [name, value] of [...Object.entries(fields), ['KEY', 'key']])
    form.append(name ?? '', value ?? '');
  form.append('file', new Blob(['hello']), 'a.csv');
  const response = await fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body: form });
  expect(await refusal(response)).toEqual(refused('InvalidArgument', 'more than one'));
});

test.each([
  ['acl', { acl: 'public-read' }],
  ['success_action_redirect', { success_action_redirect: 'http://evil.example' }],
  ['x-amz-storage-class', { 'x-amz-storage-class': 'GLACIER' }],
])('the field %s is not implemented', async (name, Fields) => {
  expect(await refusal(await post((await presign({ Fields })).fields))).toEqual(
    refused('NotImplemented', name),
  );
});

test('fields of more than 20 KiB are too large', async () => {
  const { fields } = await presign({
    Fields: { 'x-amz-meta-a': 'a'.repeat(8000), 'x-amz-meta-b': 'b'.repeat(8000) },
  });
  expect(await refusal(await post(fields))).toEqual(refused('MaxPostPreDataLengthExceeded'));
});

test('a form without a file is refused', async () => {
  const { fields } = await presign();
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  const response = await fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body: form });
  expect(await refusal(response)).toEqual(refused('InvalidArgument', "named 'file'"));
});

test('what follows the file is ignored', async () => {
  const { fields } = await presign();
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob(['hello']), 'a.csv');
  form.append('x-amz-meta-late', 'late');
  form.append('file', new Blob(['second']), 'b.csv');
  const response = await fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body: form });
  expect(response.status).toBe(204);
  const got = await s3.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'key' }));
  expect(got.Metadata).toEqual({});
  expect(await got.Body?.transformToString()).toBe('hello');
});

test.each([
  '',
  'no form at all',
  '--b\r\n\r\n',
  '--b\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--b--\r\n',
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
])('the malformed form %j is refused', async (body) => {
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const response = await fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body, headers });
  expect(response.status).toBeGreaterThanOrEqual(400);
  expect(response.status).toBeLessThan(500);
});

test.each([
  ['within its file', ''],
  ['behind its file', '\r\n--b\r\n'],
])('a form that is cut off %s leaves nothing', async (_where, end) => {
  const { fields } = await presign();
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const body = `${formHead(fields)}hello${end}`;
  const response = await fetch(`${s3.url}/${BUCKET}`, { method: 'POST', body, headers });
  expect(await refusal(response)).toEqual(refused('MalformedPOSTRequest'));
});

test('a page of an allowed origin may read the answer', async () => {
  const rule = {
    AllowedOrigins: ['http://localhost:3000'],
    AllowedMethods: ['POST'],
    ExposeHeaders: ['ETag'],
  };
  await s3.client.send(
    new PutBucketCorsCommand({ Bucket: BUCKET, CORSConfiguration: { CORSRules: [rule] } }),
  );
  const { fields } = await presign();
  const headers = { origin: 'http://localhost:3000' };
  const good = await post(fields, 'hello', { headers });
  const bad = await post({ ...fields, key: 'other' }, 'hello', { headers });
  for (const response of [good, bad]) {
    expect(response.headers.get('access-control-allow-origin')).toBe('http://localhost:3000');
    expect(response.headers.get('access-control-expose-headers')).toBe('ETag');
  }
});

test('a connection serves the next request after a refused form', async () => {
  const { fields } = await presign();
  for (let i = 0; i < 5; i += 1) expect((await post({ ...fields, key: 'other' })).status).toBe(403);
  expect((await post(fields)).status).toBe(204);
  expect(await s3.text('key')).toBe('hello');
});
