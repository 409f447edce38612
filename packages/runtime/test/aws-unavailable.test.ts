import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { freePort } from '@stowage/local';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAwsUnavailable } from '../src/index.ts';

/** What the server answers next. */
let answer: { status: number; type?: string; cut?: boolean };
const server = createServer((_request, response) => {
  if (answer.cut) return void response.destroy();
  const type = `com.amazonaws.dynamodb.v20120810#${answer.type}`;
  response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
  return void response.end(JSON.stringify({ __type: type, message: 'no' }));
});
const options = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
};
let endpoint: string;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const failure = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );

const getItem = (at = endpoint, abortSignal = new AbortController().signal) =>
  failure(
    new DynamoDBClient({ ...options, endpoint: at }).send(
      new GetItemCommand({ TableName: 'a', Key: { pk: { S: 'a' } } }),
      { abortSignal },
    ),
  );

test.each([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
])('%s of DynamoDB counts as unavailable, though its status is 400', async (type) => {
  answer = { status: 400, type };
  const error = await getItem();
  expect(error).toHaveProperty('name', type);
  expect(isAwsUnavailable(error)).toBe(true);
});

test.each(['ConditionalCheckFailedException', 'ValidationException', 'ResourceNotFoundException'])(
  '%s is an answer, not an outage',
  async (type) => {
    answer = { status: 400, type };
    const error = await getItem();
    expect(error).toHaveProperty('name', type);
    expect(isAwsUnavailable(error)).toBe(false);
  },
);

test('an object that is not there is an answer', async () => {
  answer = { status: 404 };
  const s3 = new S3Client({ ...options, endpoint, forcePathStyle: true });
  const error = await failure(s3.send(new HeadObjectCommand({ Bucket: 'a', Key: 'b' })));
  expect(error).toHaveProperty('name', 'NotFound');
  expect(isAwsUnavailable(error)).toBe(false);
});

test.each([500, 503, 429])('status %i counts as unavailable', async (status) => {
  answer = { status, type: 'SomethingUnheardOf' };
  expect(isAwsUnavailable(await getItem())).toBe(true);
  const sqs = new SQSClient({ ...options, endpoint });
  const receive = new ReceiveMessageCommand({ QueueUrl: `${endpoint}/0/work` });
  expect(isAwsUnavailable(await failure(sqs.send(receive)))).toBe(true);
});

test('a refused connection, a cut one and a name that is unknown count as unavailable', async () => {
  const refused = await getItem(`http://127.0.0.1:${await freePort()}`);
  expect(refused).toHaveProperty('code', 'ECONNREFUSED');
  expect(isAwsUnavailable(refused)).toBe(true);
  answer = { status: 200, cut: true };
  const cut = await getItem();
  expect(cut).toHaveProperty('code', 'ECONNRESET');
  expect(isAwsUnavailable(cut)).toBe(true);
  expect(isAwsUnavailable(await getItem('http://dynamodb.invalid'))).toBe(true);
});

test('an error counts by its cause, however deep', () => {
  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
  const wrapped = new Error('cannot read', { cause: new Error('no object', { cause: reset }) });
  expect(isAwsUnavailable(wrapped)).toBe(true);
  expect(isAwsUnavailable(new Error('cannot read', { cause: new Error('malformed') }))).toBe(false);
});

test('a call that we aborted, other errors and what is no error do not count', async () => {
  const aborted = await getItem(endpoint, AbortSignal.abort());
  expect(aborted).toHaveProperty('name', 'AbortError');
  for (const other of [aborted, new TypeError('no'), 'TimeoutError', undefined, null]) {
    expect(isAwsUnavailable(other)).toBe(false);
  }
});

test('a deadline of our own that passed counts', async () => {
  const late = await failure(Promise.reject(new DOMException('late', 'TimeoutError')));
  expect(isAwsUnavailable(late)).toBe(true);
});
