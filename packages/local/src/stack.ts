import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { startDynamoDb } from './dynamodb.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { createResources } from './resources.ts';
import { startS3 } from './s3/index.ts';
import { startSecretsManager } from './secrets-manager/index.ts';
import { type StandIn, startSqs } from './sqs.ts';
import { parseTemplate } from './template.ts';

const REGION = 'us-east-1';
const SECRET = 'stowage-local/database-url';

/** What the signatures of the stand-ins are checked against. They guard nothing: all of it listens on loopback. */
const CREDENTIALS = { accessKeyId: 'stowage-local', secretAccessKey: 'stowage-local-only' };

/** The embedded stack: what AWS and RDS are to the application elsewhere. */
export interface Stack {
  /** What the services need in their environment: the SDK's own variables and the resources' names. */
  environment: Record<string, string>;
  /** The template's outputs. */
  outputs: Record<string, string>;
  databaseUrl: string;
  postgres: Postgres;
  /** Stops Postgres, if it runs, and starts it on the same port, as a failover or an upgrade would. */
  startPostgresAgain: () => Promise<void>;
  close: () => Promise<void>;
}

interface StackOptions {
  stateDir: string;
  template: string;
  parameters?: Record<string, string>;
  fsync?: boolean;
}

/**
 * Starts Postgres and the AWS stand-ins on loopback, each on a free port, and creates the resources of a template.
 * When a part fails to start, those that did are stopped.
 *
 * @param options.stateDir where everything is kept; what a crash left of an earlier run is recovered from
 * @param options.template text of the CloudFormation template that declares bucket, table and queues
 * @param options.fsync false is for tests
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const parts = new AsyncDisposableStack();
  try {
    return await startParts(options, parts);
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function startParts(options: StackOptions, parts: AsyncDisposableStack): Promise<Stack> {
  const { stateDir, template, fsync } = options;
  mkdirSync(stateDir, { recursive: true });
  // Postgres may run as another user, who must be able to pass through to its own folder.
  chmodSync(stateDir, 0o755);
  const password = keptPassword(stateDir);
  const signed = { credentials: CREDENTIALS, region: REGION };
  const runPostgres = async (port?: number) => {
    const server = await startPostgres({ dataDir: join(stateDir, 'postgres'), password, port, fsync });
    return parts.adopt(server, () => server.stop());
  };
  const standIn = async (start: Promise<StandIn>) => parts.adopt(await start, (part) => part.close());

  const starting = [
    runPostgres(),
    standIn(startS3({ dataDir: join(stateDir, 's3'), ...signed })),
    standIn(startSqs({ dataDir: join(stateDir, 'sqs') })),
    standIn(startDynamoDb({ dataDir: join(stateDir, 'dynamodb') })),
    standIn(startSecretsManager({ dataFile: join(stateDir, 'secrets.json'), ...signed })),
  ] as const;
  // All settle before a failure is passed on: a part that came up after it would not be stopped.
  await Promise.allSettled(starting);
  const [postgres, s3, sqs, dynamodb, secrets] = await Promise.all(starting);

  const client = (endpoint: string) => ({ endpoint, region: REGION, credentials: CREDENTIALS });
  const clients = {
    s3: new S3Client({ ...client(s3.url), forcePathStyle: true }),
    sqs: new SQSClient(client(sqs.url)),
    dynamodb: new DynamoDBClient(client(dynamodb.url)),
    secrets: new SecretsManagerClient(client(secrets.url)),
  };
  const parameters = { Environment: 'local', ...options.parameters };
  const [outputs, databaseUrl] = await Promise.all([
    createResources(parseTemplate(template), { clients, region: REGION, sqsUrl: sqs.url, parameters }),
    createDatabase(postgres.url, password),
  ]);
  await putSecret(clients.secrets, databaseUrl);
  for (const one of Object.values(clients)) one.destroy();

  const stack: Stack = {
    outputs,
    databaseUrl,
    postgres,
    environment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_S3: s3.url,
      AWS_ENDPOINT_URL_SQS: sqs.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamodb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.url,
      DATABASE_SECRET_ID: SECRET,
      BUCKET_NAME: outputs['BucketName'] ?? '',
      TABLE_NAME: outputs['TableName'] ?? '',
      QUEUE_URL: outputs['QueueUrl'] ?? '',
    },
    async startPostgresAgain() {
      await stack.postgres.stop();
      stack.postgres = await runPostgres(postgres.port);
    },
    close: () => parts.disposeAsync(),
  };
  return stack;
}

/** Made at the first start; Postgres knows it from then on. */
function keptPassword(stateDir: string): string {
  const file = join(stateDir, 'password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8');
}

/** A database and a role of its own for the application, as on RDS: it is no superuser. */
async function createDatabase(adminUrl: string, password: string): Promise<string> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const roles = await admin.query(`SELECT FROM pg_roles WHERE rolname = 'stowage'`);
    if (roles.rowCount === 0) await admin.query(`CREATE ROLE stowage LOGIN`);
    await admin.query(`ALTER ROLE stowage PASSWORD ${admin.escapeLiteral(password)}`);
    const databases = await admin.query(`SELECT FROM pg_database WHERE datname = 'stowage'`);
    if (databases.rowCount === 0) await admin.query(`CREATE DATABASE stowage OWNER stowage`);
  } finally {
    await admin.end();
  }
  const url = new URL(adminUrl);
  url.username = 'stowage';
  url.pathname = '/stowage';
  return url.href;
}

async function putSecret(secrets: SecretsManagerClient, value: string): Promise<void> {
  try {
    await secrets.send(new CreateSecretCommand({ Name: SECRET, SecretString: value }));
  } catch (error) {
    if ((error as Error).name !== 'ResourceExistsException') throw error;
    await secrets.send(new PutSecretValueCommand({ SecretId: SECRET, SecretString: value }));
  }
}
