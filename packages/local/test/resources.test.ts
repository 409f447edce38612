import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { GetBucketCorsCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDynamoDb } from '../src/dynamodb.ts';
import { createResources } from '../src/resources.ts';
import { startS3 } from '../src/s3/index.ts';
import { type StandIn, startSqs } from '../src/sqs.ts';
import { parseTemplate } from '../src/template.ts';

const template = readFileSync(join(import.meta.dirname, '../../../infra/storage.yml'), 'utf8');
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const region = 'us-east-1';

let folder: string;
let standIns: StandIn[];
let sqsUrl: string;
let clients: { s3: S3Client; sqs: SQSClient; dynamodb: DynamoDBClient };
let outputs: Record<string, string>;

const create = (text: string, parameters: Record<string, string> = {}) =>
  createResources(parseTemplate(text), {
    clients,
    region,
    sqsUrl,
    parameters: { Environment: 'local', ...parameters },
  });

/** Without the time at which they were set, which is that of each run. */
async function attributes(queue: string): Promise<Record<string, string>> {
  const command = new GetQueueAttributesCommand({ QueueUrl: outputs[queue], AttributeNames: ['All'] });
  const { LastModifiedTimestamp: _, ...rest } = (await clients.sqs.send(command)).Attributes ?? {};
  return rest;
}

async function cors() {
  return (await clients.s3.send(new GetBucketCorsCommand({ Bucket: outputs['BucketName'] }))).CORSRules;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'stowage-resources-'));
  const [s3, sqs, dynamodb] = await Promise.all([
    startS3({ dataDir: folder, credentials, region }),
    startSqs(),
    startDynamoDb(),
  ]);
  standIns = [s3, sqs, dynamodb];
  sqsUrl = sqs.url;
  clients = {
    s3: new S3Client({ endpoint: s3.url, region, credentials, forcePathStyle: true }),
    sqs: new SQSClient({ endpoint: sqs.url, region, credentials }),
    dynamodb: new DynamoDBClient({ endpoint: dynamodb.url, region, credentials }),
  };
  outputs = await create(template);
});
afterAll(async () => {
  for (const client of Object.values(clients)) client.destroy();
  await Promise.all(standIns.map((standIn) => standIn.close()));
  rmSync(folder, { recursive: true, force: true });
});

test('the outputs name what was made', () => {
  expect(outputs).toMatchObject({
    QueueName: 'stowage-local-load',
    QueueUrl: `${sqsUrl}/000000000000/stowage-local-load`,
    QueueArn: 'arn:aws:sqs:us-east-1:000000000000:stowage-local-load',
    DeadLetterQueueName: 'stowage-local-load-dead',
    BucketArn: `arn:aws:s3:::${outputs['BucketName']}`,
    TableArn: `arn:aws:dynamodb:us-east-1:000000000000:table/${outputs['TableName']}`,
  });
});

test('the queue has the template’s attributes, and its dead-letter queue', async () => {
  const queue = await attributes('QueueUrl');
  expect(queue).toMatchObject({
    VisibilityTimeout: '30',
    ReceiveMessageWaitTimeSeconds: '20',
    MessageRetentionPeriod: '345600',
  });
  expect(JSON.parse(queue['RedrivePolicy'] ?? '')).toEqual({
    deadLetterTargetArn: outputs['DeadLetterQueueArn'],
    maxReceiveCount: 5,
  });
  expect(await attributes('DeadLetterQueueUrl')).toMatchObject({ MessageRetentionPeriod: '1209600' });
});

test('the bucket lets browsers upload', async () => {
  expect(await cors()).toEqual([
    {
      AllowedMethods: ['POST'],
      AllowedOrigins: ['*'],
      AllowedHeaders: ['*'],
      ExposeHeaders: ['ETag', 'x-amz-request-id'],
      MaxAgeSeconds: 3600,
    },
  ]);
});

test('the table has the template’s keys', async () => {
  const command = new DescribeTableCommand({ TableName: outputs['TableName'] });
  expect((await clients.dynamodb.send(command)).Table).toMatchObject({
    TableStatus: 'ACTIVE',
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
});

test('a second run changes nothing', async () => {
  const before = [await attributes('QueueUrl'), await cors()];
  const item = { pk: { S: 'a' }, sk: { S: 'b' } };
  await clients.dynamodb.send(new PutItemCommand({ TableName: outputs['TableName'], Item: item }));
  expect(await create(template)).toEqual(outputs);
  expect([await attributes('QueueUrl'), await cors()]).toEqual(before);
  const command = new GetItemCommand({ TableName: outputs['TableName'], Key: item });
  expect((await clients.dynamodb.send(command)).Item).toEqual(item);
});

test('a run with other parameters updates what is there', async () => {
  await create(template, { LeaseSeconds: '45', UploadOrigins: 'https://a.example,https://b.example' });
  expect(await attributes('QueueUrl')).toMatchObject({ VisibilityTimeout: '45' });
  expect(await cors()).toMatchObject([{ AllowedOrigins: ['https://a.example', 'https://b.example'] }]);
});

test.each([
  ['a type that it cannot create', 'Type: AWS::SNS::Topic', /cannot create AWS::SNS::Topic/],
  [
    'a reference to nothing',
    'Type: AWS::SQS::Queue, Properties: { QueueName: !Ref Nothing }',
    /no value for Nothing/,
  ],
  [
    'an attribute that it does not know',
    'Type: AWS::SQS::Queue, Properties: { RedrivePolicy: !GetAtt One.Colour }',
    /does not know One.Colour/,
  ],
])('%s is an error', async (_, resource, message) => {
  await expect(create(`Resources: { One: { ${resource} } }`)).rejects.toThrow(message);
});

test('a parameter without a value is an error', async () => {
  const text = 'Parameters: { P: { Type: String } }\nResources: {}\nOutputs: { O: { Value: !Ref P } }';
  await expect(create(text)).rejects.toThrow(/no value for P/);
  expect(await create(text, { P: 'given' })).toEqual({ O: 'given' });
});
