import {
  CreateTableCommand,
  type CreateTableCommandInput,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { type CORSRule, CreateBucketCommand, PutBucketCorsCommand, type S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { type Lookup, resolve, type Template } from './template.ts';

/** The account that the stand-ins put into ARNs. */
const ACCOUNT = '000000000000';

/** Types that grant or deny rights: every caller of the embedded stack is its owner. */
const WITHOUT_MEANING_HERE = new Set(['AWS::S3::BucketPolicy', 'AWS::SQS::QueuePolicy']);

/** Properties of a queue that are attributes under the same name. */
const QUEUE_ATTRIBUTES = [
  'VisibilityTimeout',
  'ReceiveMessageWaitTimeSeconds',
  'MessageRetentionPeriod',
  'DelaySeconds',
  'RedrivePolicy',
];

/** Errors that say a resource is there already, from an earlier start. */
const EXISTS = new Set(['ResourceInUseException', 'BucketAlreadyOwnedByYou']);

type Clients = { s3: S3Client; sqs: SQSClient; dynamodb: DynamoDBClient };
type Properties = Record<string, unknown>;

/**
 * Creates a template's buckets, queues and tables in the stand-ins, so that what runs locally is declared in the same
 * file as what runs on AWS. What is there already, from an earlier start, is updated, except for a table's keys.
 * Properties that the stand-ins have no notion of (encryption, backups, …) are left out.
 *
 * @returns the template's outputs
 * @throws for a resource type that the embedded stack cannot create, and a reference to what is not declared
 */
export async function createResources(
  template: Template,
  options: { clients: Clients; region: string; sqsUrl: string; parameters?: Record<string, string> },
): Promise<Record<string, string>> {
  const { clients, region, sqsUrl, parameters = {} } = options;

  const parameter = (id: string): unknown => {
    const declared = template.Parameters?.[id];
    const value = parameters[id] ?? declared?.Default;
    if (!declared || value === undefined) throw new Error(`the embedded stack has no value for ${id}`);
    return declared.Type === 'CommaDelimitedList' ? value.split(',') : value;
  };
  const nameOf = (id: string): string => {
    const { QueueName, BucketName, TableName } = template.Resources[id]?.Properties ?? {};
    const name = resolve(QueueName ?? BucketName ?? TableName, lookup);
    return typeof name === 'string' ? name : `stowage-local-${id.toLowerCase()}`;
  };
  const pseudo: Record<string, string> = {
    'AWS::Partition': 'aws',
    'AWS::Region': region,
    'AWS::AccountId': ACCOUNT,
  };
  const lookup: Lookup = (id, attribute) => {
    if (pseudo[id] !== undefined) return pseudo[id];
    if (id === 'AWS::NoValue') return undefined;
    const condition = template.Conditions?.[id];
    if (condition !== undefined) return resolve(condition, lookup);
    const resource = template.Resources[id];
    if (!resource) return parameter(id);
    const name = nameOf(id);
    if (attribute === 'Arn') return arnOf(resource.Type, name, region);
    if (attribute === 'QueueName') return name;
    if (attribute !== undefined) throw new Error(`the embedded stack does not know ${id}.${attribute}`);
    return resource.Type === 'AWS::SQS::Queue' ? `${sqsUrl}/${ACCOUNT}/${name}` : name;
  };

  for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
    if (WITHOUT_MEANING_HERE.has(Type)) continue;
    await create(Type, nameOf(id), resolve(Properties, lookup) as Properties, clients);
  }
  await configureQueues(template, clients.sqs, lookup);
  return Object.fromEntries(
    Object.entries(template.Outputs ?? {}).map(([name, { Value }]) => [name, String(resolve(Value, lookup))]),
  );
}

function arnOf(type: string, name: string, region: string): string {
  if (type === 'AWS::S3::Bucket') return `arn:aws:s3:::${name}`;
  if (type === 'AWS::DynamoDB::Table') return `arn:aws:dynamodb:${region}:${ACCOUNT}:table/${name}`;
  return `arn:aws:sqs:${region}:${ACCOUNT}:${name}`;
}

async function create(type: string, name: string, properties: Properties, clients: Clients): Promise<void> {
  if (type === 'AWS::S3::Bucket') await createBucket(name, properties, clients.s3);
  else if (type === 'AWS::DynamoDB::Table') await createTable(name, properties, clients.dynamodb);
  else if (type === 'AWS::SQS::Queue') await clients.sqs.send(new CreateQueueCommand({ QueueName: name }));
  else throw new Error(`the embedded stack cannot create ${type}`);
}

async function unlessThere(creating: Promise<unknown>): Promise<void> {
  try {
    await creating;
  } catch (error) {
    if (!EXISTS.has((error as Error).name)) throw error;
  }
}

async function createBucket(name: string, properties: Properties, s3: S3Client): Promise<void> {
  await unlessThere(s3.send(new CreateBucketCommand({ Bucket: name })));
  const cors = properties['CorsConfiguration'] as
    | { CorsRules: (CORSRule & { ExposedHeaders?: string[]; MaxAge?: number })[] }
    | undefined;
  if (!cors) return;
  const CORSRules = cors.CorsRules.map(({ ExposedHeaders, MaxAge, ...rule }) =>
    Object.assign(rule, { ExposeHeaders: ExposedHeaders, MaxAgeSeconds: MaxAge }),
  );
  await s3.send(new PutBucketCorsCommand({ Bucket: name, CORSConfiguration: { CORSRules } }));
}

async function createTable(name: string, properties: Properties, dynamodb: DynamoDBClient): Promise<void> {
  const { AttributeDefinitions, KeySchema, BillingMode } = properties as Partial<CreateTableCommandInput>;
  await unlessThere(
    dynamodb.send(new CreateTableCommand({ TableName: name, AttributeDefinitions, KeySchema, BillingMode })),
  );
}

/** Redrive policies name queues, so every queue exists before any is configured. */
async function configureQueues(template: Template, sqs: SQSClient, lookup: Lookup): Promise<void> {
  for (const [id, { Type, Properties = {} }] of Object.entries(template.Resources)) {
    if (Type !== 'AWS::SQS::Queue') continue;
    const Attributes = queueAttributes(resolve(Properties, lookup) as Properties);
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: String(lookup(id)), Attributes }));
  }
}

/** Numbers and objects as CloudFormation takes them, as text as SQS takes them. */
function queueAttributes(properties: Properties): Record<string, string> {
  return Object.fromEntries(
    QUEUE_ATTRIBUTES.filter((name) => properties[name] !== undefined).map((name) => {
      const value = properties[name];
      return [name, typeof value === 'string' ? value : JSON.stringify(value)];
    }),
  );
}
