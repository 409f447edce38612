import type { Access } from './policy.ts';
import type { RecordedCall } from './recorded-call.ts';

/** ARNs of the resources in an account, by the names they have where the calls were recorded. */
export interface Arns {
  bucket: (name: string) => string;
  table: (name: string) => string;
  /** @param name the queue's name or URL */
  queue: (name: string) => string;
  secret: (id: string) => string;
  /** Of the cluster that the services' tasks run in. */
  cluster: string;
}

/**
 * What a call needs to be allowed, each by the names of the Service Authorization Reference
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html).
 *
 * @throws for a call that is not in the table
 */
export function accessesOf(call: RecordedCall, arns: Arns): Access[] {
  const translate = TABLE[`${call.service} ${call.operation}`];
  if (!translate) {
    throw new Error(
      `${call.program} calls ${call.service} ${call.operation}, and permissions.ts does not say what that needs`,
    );
  }
  return translate(call, arns).map(([action, resource]) => ({
    action,
    resource,
    context: {
      'aws:SecureTransport': 'true',
      ...(action.startsWith('ecs:') && { 'ecs:cluster': arns.cluster }),
    },
  }));
}

type Needs = [action: string, resource: string][];
type Translate = (call: RecordedCall, arns: Arns) => Needs;

const bucket: Translate = ({ names }, arns) => [['s3:ListBucket', arns.bucket(names.Bucket ?? '')]];

const objects =
  (action: string): Translate =>
  ({ names }, arns) =>
    [names.Key ?? []].flat().map((key) => [action, `${arns.bucket(names.Bucket ?? '')}/${key}`]);

/**
 * S3 says that an object is not there only to those who may list the bucket; others get 403 instead of 404
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, Permissions).
 */
const read: Translate = (call, arns) => [
  ...objects('s3:GetObject')(call, arns),
  ...(call.status === 404 ? bucket(call, arns) : []),
];

const items =
  (action: string): Translate =>
  ({ names: { TableName = '', IndexName } }, arns) => [
    [action, IndexName === undefined ? arns.table(TableName) : `${arns.table(TableName)}/index/${IndexName}`],
  ];

/** A batch needs what a single message needs. */
const messages =
  (action: string): Translate =>
  ({ names }, arns) => [[action, arns.queue(names.QueueUrl ?? names.QueueName ?? '')]];

const task: Translate = (_call, { cluster }) => [
  ['ecs:UpdateTaskProtection', `${cluster.replace(':cluster/', ':task/')}/0123456789abcdef0123456789abcdef`],
];

const TABLE: Record<string, Translate> = {
  'S3 HeadBucket': bucket,
  'S3 HeadObject': read,
  'S3 GetObject': read,
  'S3 PutObject': objects('s3:PutObject'),
  // The signer of the form is who uploads, as far as S3 is concerned.
  'S3 PostObject': objects('s3:PutObject'),
  'S3 DeleteObjects': objects('s3:DeleteObject'),
  // The document client's commands.
  'DynamoDB Get': items('dynamodb:GetItem'),
  'DynamoDB Put': items('dynamodb:PutItem'),
  'DynamoDB Update': items('dynamodb:UpdateItem'),
  'DynamoDB Delete': items('dynamodb:DeleteItem'),
  'DynamoDB Query': items('dynamodb:Query'),
  'SQS GetQueueUrl': messages('sqs:GetQueueUrl'),
  'SQS GetQueueAttributes': messages('sqs:GetQueueAttributes'),
  'SQS ReceiveMessage': messages('sqs:ReceiveMessage'),
  'SQS SendMessage': messages('sqs:SendMessage'),
  'SQS SendMessageBatch': messages('sqs:SendMessage'),
  'SQS DeleteMessageBatch': messages('sqs:DeleteMessage'),
  'SQS ChangeMessageVisibilityBatch': messages('sqs:ChangeMessageVisibility'),
  'Secrets Manager GetSecretValue': ({ names }, arns) => [
    ['secretsmanager:GetSecretValue', arns.secret(names.SecretId ?? '')],
  ],
  // An HTTP call to the container agent, which makes it with the task's role.
  'ECS agent UpdateTaskProtection': task,
};
