import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import { isNetworkError } from './network-error.ts';

/** SQS holds a long poll for at most 20 s (ReceiveMessage, WaitTimeSeconds); the answer needs a moment more. */
const LONG_POLL_TIMEOUT_MS = 25_000;

/** The SDK waits for ever by default (aws-sdk-js-v3#6763); a control-plane call of these services takes milliseconds. */
const CALL_TIMEOUT_MS = 5_000;

/** A stream may pause, for instance while Postgres is slower than S3, but not for this long. */
const IDLE_STREAM_TIMEOUT_MS = 60_000;

const CONNECT_TIMEOUT_MS = 2_000;

/**
 * `standard` retries throttling and passing faults with jitter and a retry budget; three attempts stay well within a
 * request's timeout. Longer outages are met above: the api answers 503, the consumer holds its message.
 */
const RETRY = { maxAttempts: 3, retryMode: 'standard' } as const;

export interface AwsClients {
  s3: S3Client;
  dynamodb: DynamoDBDocumentClient;
  /** Sends, deletes and extends. */
  sqs: SQSClient;
  /**
   * Receives only: long polls hold their sockets for 20 s and must never keep a delete or a heartbeat waiting
   * (aws-sdk-js-v3#7027).
   */
  sqsPolling: SQSClient;
  secretsManager: SecretsManagerClient;
  close: () => void;
}

/**
 * Clients for the services the application uses. Region, credentials and endpoints come from the environment alone
 * (on ECS the task role, elsewhere `AWS_ENDPOINT_URL…`), so the same code runs embedded, on LocalStack and on AWS.
 */
export function createAwsClients(env: NodeJS.ProcessEnv = process.env): AwsClients {
  const calls = {
    ...RETRY,
    requestHandler: handler({ requestTimeout: CALL_TIMEOUT_MS, throwOnRequestTimeout: true }),
  };
  const s3 = createS3Client(undefined, env);
  const dynamodb = new DynamoDBClient(calls);
  const sqs = new SQSClient(calls);
  const sqsPolling = new SQSClient({
    ...RETRY,
    maxAttempts: 1,
    requestHandler: handler({ requestTimeout: LONG_POLL_TIMEOUT_MS, throwOnRequestTimeout: true }),
  });
  const secretsManager = new SecretsManagerClient(calls);
  return {
    s3,
    dynamodb: DynamoDBDocumentClient.from(dynamodb, { marshallOptions: { removeUndefinedValues: true } }),
    sqs,
    sqsPolling,
    secretsManager,
    close: () => {
      for (const client of [s3, dynamodb, sqs, sqsPolling, secretsManager]) client.destroy();
    },
  };
}

/**
 * An S3 client.
 *
 * @param endpoint where clients outside reach S3, for pre-signed URLs; undefined for the environment's own.
 *   A custom endpoint has no DNS name for each bucket, so its URLs are path-style.
 */
export function createS3Client(endpoint?: string, env: NodeJS.ProcessEnv = process.env): S3Client {
  const custom = endpoint ?? env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  return new S3Client({
    ...RETRY,
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: custom !== undefined,
    // S3 keeps a CRC-64 of every upload, and by default the SDK computes it again, in JavaScript, of whole objects that are
    // read: 2.7 s of CPU time a GB, as much as a quarter of what loading takes. TLS covers the way, the ETag which file it is.
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: handler({
      requestTimeout: CALL_TIMEOUT_MS, // until the answer begins
      throwOnRequestTimeout: true,
      socketTimeout: IDLE_STREAM_TIMEOUT_MS,
    }),
  });
}

function handler(timeouts: NodeHttpHandlerOptions): NodeHttpHandler {
  return new NodeHttpHandler({ connectionTimeout: CONNECT_TIMEOUT_MS, ...timeouts });
}

/** Names of errors that say a service is out of reach, slow or throttling, whatever the request was. */
const UNAVAILABLE = new Set([
  'TimeoutError',
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'SlowDown',
  'InternalServerError',
  'InternalError',
  'ServiceUnavailable',
  'CredentialsProviderError',
]);

/** Whether an SDK call failed, or an error was caused by one that did, for want of the service: it may work later. */
export function isAwsUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { name, $metadata, $retryable } = error as Error & {
    $metadata?: { httpStatusCode?: number };
    $retryable?: unknown;
  };
  if (UNAVAILABLE.has(name) || isNetworkError(error) || $retryable !== undefined) return true;
  const status = $metadata?.httpStatusCode;
  if (status !== undefined) return status >= 500 || status === 429;
  return isAwsUnavailable(error.cause);
}
