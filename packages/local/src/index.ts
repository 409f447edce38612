export { startDynamoDb } from './dynamodb.ts';
export { freePort } from './free-port.ts';
export { type Postgres, startPostgres } from './postgres.ts';
export { startS3 } from './s3/index.ts';
export { startSecretsManager } from './secrets-manager/index.ts';
export { startSqs, type StandIn } from './sqs.ts';
export { type Stack, startStack } from './stack.ts';
export { type ServiceSpec, supervise, type Supervisor } from './supervisor.ts';
