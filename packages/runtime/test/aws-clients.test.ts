import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, GetObjectCommand, HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { ListSecretsCommand } from '@aws-sdk/client-secrets-manager';
import { GetQueueUrlCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { startS3, startSecretsManager } from '@stowage/local';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AwsClients, createAwsClients, createS3Client, isAwsUnavailable } from '../src/index.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
const closing: (() => unknown)[] = [];

beforeEach(() => {
  for (const name of Object.keys(process.env)) {
    if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  }
  vi.stubEnv('AWS_REGION', 'eu-west-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
});
afterEach(async () => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  for (const close of closing.splice(0).toReversed()) await close();
});

function clients(): AwsClients {
  const made = createAwsClients();
  closing.push(made.close);
  return made;
}

interface HttpRequest {
  protocol: string;
  hostname: string;
  path: string;
  headers: Record<string, string>;
}

/** The request for an object, which is never sent. */
async function requestOf(s3: S3Client): Promise<HttpRequest> {
  const requests: HttpRequest[] = [];
  s3.middlewareStack.add(
    () => (args) => {
      requests.push(args.request as HttpRequest);
      throw new Error('not sent');
    },
    { step: 'finalizeRequest', priority: 'low' },
  );
  await expect(s3.send(new GetObjectCommand({ Bucket: 'files', Key: 'a/b' }))).rejects.toThrow('not sent');
  const [request] = requests;
  if (!request) throw new Error('there was no request');
  return request;
}

/** Where it would go. */
async function addressOf(s3: S3Client): Promise<string> {
  const { protocol, hostname, path } = await requestOf(s3);
  return `${protocol}//${hostname}${path}`;
}

test('region, credentials and endpoints come from the environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-aws-'));
  const s3 = await startS3({ dataDir: folder, credentials, region: 'eu-west-1' });
  const secrets = await startSecretsManager({ credentials, region: 'eu-west-1' });
  closing.push(() => rmSync(folder, { recursive: true }), s3.close, secrets.close);
  vi.stubEnv('AWS_ENDPOINT_URL', secrets.url);
  vi.stubEnv('AWS_ENDPOINT_URL_S3', s3.url);

  const aws = clients();
  await aws.s3.send(new CreateBucketCommand({ Bucket: 'files' }));
  await aws.s3.send(new HeadBucketCommand({ Bucket: 'files' }));
  expect((await aws.secretsManager.send(new ListSecretsCommand({}))).SecretList).toEqual([]);
});

test('on AWS the bucket is in the host’s name', async () => {
  expect(await addressOf(clients().s3)).toBe('https://files.s3.eu-west-1.amazonaws.com/a/b');
});

test('S3 is not asked for checksums, which would be computed again here', async () => {
  const { headers } = await requestOf(clients().s3);
  expect(Object.keys(headers)).not.toContain('x-amz-checksum-mode');
});

test.each(['AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'])('with %s the bucket is in the path', async (name) => {
  vi.stubEnv(name, 'http://localstack:4566');
  expect(await addressOf(clients().s3)).toBe('http://localstack/files/a/b');
});

test('an endpoint for clients outside goes before that of the environment', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_S3', 'http://localstack:4566');
  const s3 = createS3Client('https://files.example.org');
  expect(await addressOf(s3)).toBe('https://files.example.org/files/a/b');
});

/** Accepts requests and keeps their bodies; answers with a status, or never. */
async function answering(status: number | 'never') {
  const received: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push(body);
      if (status !== 'never') response.writeHead(status).end('{}');
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  closing.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

test('what is undefined in an item is left out', async () => {
  const server = await answering(200);
  vi.stubEnv('AWS_ENDPOINT_URL', server.url);
  const Item = { pk: 'a', reason: undefined, file: { name: undefined } };
  await clients().dynamodb.send(new PutCommand({ TableName: 'datasets', Item }));
  expect(server.received.map((body) => JSON.parse(body) as unknown)).toEqual([
    { TableName: 'datasets', Item: { pk: { S: 'a' }, file: { M: {} } } },
  ]);
});

type Call = (aws: AwsClients, url: string) => Promise<unknown>;
const calls: Record<Exclude<keyof AwsClients, 'close'>, Call> = {
  s3: ({ s3 }) => s3.send(new HeadBucketCommand({ Bucket: 'files' })),
  dynamodb: ({ dynamodb }) => dynamodb.send(new GetCommand({ TableName: 'datasets', Key: { pk: 'a' } })),
  sqs: ({ sqs }) => sqs.send(new GetQueueUrlCommand({ QueueName: 'work' })),
  sqsPolling: ({ sqsPolling }, url) =>
    sqsPolling.send(new ReceiveMessageCommand({ QueueUrl: `${url}/000000000000/work`, WaitTimeSeconds: 20 })),
  secretsManager: ({ secretsManager }) => secretsManager.send(new ListSecretsCommand({})),
};

test.each([
  { client: 's3', attempts: 3, timeoutMs: 5_000 },
  { client: 'dynamodb', attempts: 3, timeoutMs: 5_000 },
  { client: 'sqs', attempts: 3, timeoutMs: 5_000 },
  { client: 'sqsPolling', attempts: 1, timeoutMs: 25_000 },
  { client: 'secretsManager', attempts: 3, timeoutMs: 5_000 },
] as const)(
  '$client gives up on a server that accepts and never answers: $attempts × $timeoutMs ms',
  async ({ client, attempts, timeoutMs }) => {
    const server = await answering('never');
    vi.stubEnv('AWS_ENDPOINT_URL', server.url);
    const aws = clients();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const outcome: { error?: unknown } = {};
    const failed = calls[client](aws, server.url).catch((error: unknown) => (outcome.error = error));
    let elapsedMs = 0;
    for (; !outcome.error && elapsedMs < 40_000; elapsedMs += 100) {
      await sleep(1); // Real time, for the sockets.
      await vi.advanceTimersByTimeAsync(100);
    }
    await failed;
    expect(outcome.error).toHaveProperty('name', 'TimeoutError');
    expect(isAwsUnavailable(outcome.error)).toBe(true);
    expect(server.received).toHaveLength(attempts);
    expect(elapsedMs).toBeGreaterThanOrEqual(attempts * timeoutMs);
    expect(elapsedMs).toBeLessThan(attempts * timeoutMs + 2_000); // and what lies between attempts
  },
);

test('a passing fault of the server is tried again', async () => {
  const server = await answering(500);
  vi.stubEnv('AWS_ENDPOINT_URL', server.url);
  await expect(clients().secretsManager.send(new ListSecretsCommand({}))).rejects.toSatisfy(isAwsUnavailable);
  expect(server.received).toHaveLength(3);
});
