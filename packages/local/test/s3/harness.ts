import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
} from '@aws-sdk/client-s3';
import { vi } from 'vitest';
import { startS3 } from '../../src/s3/index.ts';
import { CREDENTIALS } from './credentials.ts';

export { CREDENTIALS };

export const BUCKET = 'bucket';

export type Harness = Awaited<ReturnType<typeof openHarness>>;

/** A stand-in of its own, in a directory of its own, with a bucket and a client. */
export async function openHarness() {
  const dataDir = mkdtempSync(join(tmpdir(), 'stowage-s3-'));
  const s3 = await startS3({ dataDir, credentials: CREDENTIALS });
  const client = connect(s3.url);
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return {
    url: s3.url,
    dataDir,
    client,
    /** For pre-signing uploads: by default the SDK would sign the checksum of an empty body. */
    unchecked: connect(s3.url, { requestChecksumCalculation: 'WHEN_REQUIRED' }),
    connect: (config: Partial<S3ClientConfig>) => connect(s3.url, config),
    put: (key: string, body: string | Buffer) =>
      client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: body })),
    text: (key: string) => readText(client, key),
    /** The files with objects' bytes, committed or not. */
    contentFiles: () => readdirSync(join(dataDir, 'content')),
    stop: s3.close,
    async close() {
      client.destroy();
      await s3.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

export function connect(url: string, config: Partial<S3ClientConfig> = {}): S3Client {
  return new S3Client({
    endpoint: url,
    forcePathStyle: true,
    region: 'us-east-1',
    credentials: CREDENTIALS,
    maxAttempts: 1,
    ...config,
  });
}

export async function readText(client: S3Client, key: string): Promise<string | undefined> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: BUCKET, Key: key }));
  return Body?.transformToString();
}

/** What an SDK call failed with: S3's code and the HTTP status. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ code: string; status: number; message: string }> {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return { code: name, status: $metadata?.httpStatusCode ?? 0, message };
  }
  throw new Error('The call succeeded.');
}

/** The same of an answer in XML. */
export async function xmlFailure(
  response: Response,
): Promise<{ code: string; status: number; message: string }> {
  const body = await response.text();
  const element = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(body)?.[1] ?? '';
  return { code: element('Code'), status: response.status, message: element('Message') };
}

/** Waits until an assertion holds; on a busy machine that may take a while. */
export function eventually(assertion: () => void): Promise<void> {
  return vi.waitFor(assertion, { timeout: 10_000, interval: 5 });
}
