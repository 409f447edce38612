import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { S3Client } from '@aws-sdk/client-s3';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { v7 as uuidv7 } from 'uuid';
import { afterAll } from 'vitest';
import { startStack } from '@stowage/local';
import { connectionSource, type Database, migrate, openDatabase, parseConnection } from '@stowage/postgres';
import { createAwsClients, createLogger } from '@stowage/runtime';
import {
  createChunkEncoder,
  createFileStore,
  type DatasetRef,
  type EncodedChunk,
  type FileStore,
  migrationsDir,
} from '../../src/index.ts';

/** What the stores work on: an embedded stack of the test file's own, stopped after its tests. */
export interface Backends {
  dynamodb: DynamoDBDocumentClient;
  table: string;
  s3: S3Client;
  bucket: string;
  files: FileStore;
  database: Database;
  databaseUrl: string;
}

export async function startBackends(): Promise<Backends> {
  const stateDir = mkdtempSync(join(tmpdir(), 'stowage-stores-'));
  const template = readFileSync(fileURLToPath(import.meta.resolve('../../../../infra/storage.yml')), 'utf8');
  const stack = await startStack({ stateDir, template, fsync: false });
  Object.assign(process.env, stack.environment);
  const aws = createAwsClients();
  const log = createLogger({ service: 'test', version: 'test', level: 'silent' });
  await migrate({ connection: parseConnection(stack.databaseUrl, 'test database'), dir: migrationsDir, log });
  const database = await openDatabase({
    source: connectionSource({ DATABASE_URL: stack.databaseUrl }, aws.secretsManager),
    applicationName: 'test',
    maxConnections: 8,
    statementTimeoutMs: 20_000,
    log,
  });
  afterAll(async () => {
    await database.close();
    aws.close();
    await stack.close();
    rmSync(stateDir, { recursive: true, force: true });
  });
  const bucket = stack.outputs['BucketName'] ?? '';
  return {
    dynamodb: aws.dynamodb,
    table: stack.outputs['TableName'] ?? '',
    s3: aws.s3,
    bucket,
    files: createFileStore({ s3: aws.s3, bucket }),
    database,
    databaseUrl: stack.databaseUrl,
  };
}

export const newRef = (tenant = 'a'): DatasetRef => ({ tenant, id: uuidv7() });

/** A chunk as the worker makes it. */
export function encoded(
  csv: string,
  chunk: { number?: number; firstRow?: number; columnCount?: number } = {},
): Omit<EncodedChunk, 'blocks'> & { blocks: () => Iterable<Buffer> } {
  const { number = 0, firstRow = 1, columnCount = 2 } = chunk;
  const dialect = { delimiter: ',', encoding: 'utf-8' } as const;
  const encoder = createChunkEncoder({ dialect, columnCount, firstRow, firstLine: firstRow + 1 });
  return {
    number,
    blocks: () => encoder.encode(Buffer.from(csv)),
    result: () => encoder.result(),
  };
}
