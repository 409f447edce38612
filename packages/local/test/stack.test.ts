import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Stack, startStack } from '../src/stack.ts';
import { processes } from './processes.ts';

const template = readFileSync(join(import.meta.dirname, '../../../infra/storage.yml'), 'utf8');

/** What the first start of a stack leaves, which every test begins with. */
let original: string;
let stateDir: string;

beforeAll(async () => {
  stateDir = original = mkdtempSync(join(tmpdir(), 'stowage-stack-'));
  await (await start()).close();
});
afterAll(() => rmSync(original, { recursive: true, force: true }));

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'stowage-stack-'));
  execFileSync('cp', ['-a', `${original}/.`, stateDir]);
});
afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

const start = (text = template) => startStack({ stateDir, template: text, fsync: false });

/** Processes of the stack's own: Postgres and what keeps it. */
const left = () => processes().filter(({ args }) => args.includes(stateDir));

/** Uses a stack as the application does: by its environment, and with the database's URL out of the secret. */
async function use<T>(
  { environment: env }: Stack,
  work: (clients: {
    s3: S3Client;
    sqs: SQSClient;
    dynamodb: DynamoDBClient;
    secrets: SecretsManagerClient;
    database: pg.Client;
  }) => Promise<T>,
): Promise<T> {
  const client = (service: string) => ({
    endpoint: env[`AWS_ENDPOINT_URL_${service}`] ?? '',
    region: env['AWS_REGION'] ?? '',
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  });
  const clients = {
    s3: new S3Client({ ...client('S3'), forcePathStyle: true }),
    sqs: new SQSClient(client('SQS')),
    dynamodb: new DynamoDBClient(client('DYNAMODB')),
    secrets: new SecretsManagerClient(client('SECRETS_MANAGER')),
  };
  const secret = new GetSecretValueCommand({ SecretId: env['DATABASE_SECRET_ID'] });
  const database = new pg.Client({ connectionString: (await clients.secrets.send(secret)).SecretString });
  await database.connect();
  try {
    return await work({ ...clients, database });
  } finally {
    for (const one of Object.values(clients)) one.destroy();
    await database.end();
  }
}

test('everything that was put into a stack is there after a restart', async () => {
  const first = await start();
  const { BUCKET_NAME: Bucket, TABLE_NAME: TableName } = first.environment;
  const Item = { pk: { S: 'a' }, sk: { S: 'b' } };
  await use(first, async ({ s3, sqs, dynamodb, database }) => {
    await database.query('CREATE TABLE kept AS SELECT 42 AS answer');
    await s3.send(new PutObjectCommand({ Bucket, Key: 'kept', Body: 'object' }));
    await dynamodb.send(new PutItemCommand({ TableName, Item }));
    const { QUEUE_URL: QueueUrl } = first.environment;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'message' }));
  });
  await first.close();
  expect(left()).toEqual([]);

  const second = await start();
  await use(second, async ({ s3, sqs, dynamodb, database }) => {
    expect((await database.query('SELECT answer FROM kept')).rows).toEqual([{ answer: 42 }]);
    const object = await s3.send(new GetObjectCommand({ Bucket, Key: 'kept' }));
    expect(await object.Body?.transformToString()).toBe('object');
    expect((await dynamodb.send(new GetItemCommand({ TableName, Key: Item }))).Item).toEqual(Item);
    const { QUEUE_URL: QueueUrl } = second.environment;
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages).toMatchObject([{ Body: 'message' }]);
  });
  await second.close();
});

test('the application’s role is no superuser', async () => {
  const stack = await start();
  const sql = 'SELECT rolname, rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user';
  const { rows } = await use(stack, ({ database }) => database.query(sql));
  expect(rows).toEqual([{ rolname: 'stowage', rolsuper: false, rolcreaterole: false }]);
  await stack.close();
});

test('Postgres that was killed can be started again on the same port', async () => {
  const stack = await start();
  const { port } = stack.postgres;
  await stack.postgres.kill();
  await stack.startPostgresAgain();
  expect(stack.postgres.port).toBe(port);
  await use(stack, ({ database }) => database.query('SELECT 1'));
  await stack.close();
  expect(left()).toEqual([]);
});

test('a part that fails to start stops the others, and says why', async () => {
  // A file where a folder must be.
  rmSync(join(stateDir, 'sqs'), { recursive: true });
  writeFileSync(join(stateDir, 'sqs'), '');
  await expect(start()).rejects.toThrow(/sqs/);
  expect(left()).toEqual([]);
  rmSync(join(stateDir, 'sqs'));
  // Nothing holds on to the other parts' files: a start in the same process succeeds.
  await (await start()).close();
});

test('a template that cannot be created stops everything', async () => {
  await expect(start('Resources: { One: { Type: AWS::SNS::Topic } }')).rejects.toThrow(/AWS::SNS::Topic/);
  expect(left()).toEqual([]);
});
