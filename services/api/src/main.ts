import type { AddressInfo } from 'node:net';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { createDatasetStore, createFileStore, createReadStore, type Message } from '@stowage/datasets';
import { type AuthOptions, dynamoDbIdempotencyStore } from '@stowage/http';
import { connectionSource, isDatabaseUnavailable, openDatabase } from '@stowage/postgres';
import { createProducer } from '@stowage/queue';
import {
  createAwsClients,
  createS3Client,
  isAwsUnavailable,
  portError,
  startAdminServer,
  startProcess,
} from '@stowage/runtime';
import { buildApp } from './app.ts';
import { authMode, type Config, drainDelayMs, readConfig } from './config.ts';
import { createDatasetService } from './datasets/service.ts';

/** What is left of the stop deadline for everything but draining: closing pools and sockets. */
const CLOSING_MS = 3_000;

/** How much longer an idempotency key is held than its request may run: until its answer is kept. */
const LEASE_MARGIN_MS = 10_000;

await startProcess({
  service: 'api',
  readConfig,
  stopDeadlineMs: (config) => drainDelayMs(config) + config.DRAIN_MS + CLOSING_MS,
  async start({ config, log, registry, onStop }) {
    const aws = createAwsClients();
    onStop('aws clients', aws.close);

    const database = await openDatabase({
      source: connectionSource(config, aws.secretsManager),
      applicationName: 'stowage-api',
      maxConnections: config.DATABASE_CONNECTIONS,
      statementTimeoutMs: config.STATEMENT_TIMEOUT_MS,
      log,
    });
    onStop('database', database.close);

    const publicS3 = config.S3_PUBLIC_ENDPOINT_URL ? createS3Client(config.S3_PUBLIC_ENDPOINT_URL) : aws.s3;
    const files = createFileStore({ s3: aws.s3, publicS3, bucket: config.BUCKET_NAME });
    const datasets = createDatasetStore({ dynamodb: aws.dynamodb, table: config.TABLE_NAME, files });
    const reads = createReadStore(database);
    const app = await buildApp({
      log,
      registry,
      version: config.VERSION,
      auth: authOptions(config),
      service: createDatasetService({
        datasets,
        files,
        reads,
        producer: createProducer<Message>({ queueUrl: config.QUEUE_URL, client: aws.sqs }),
        uploadSeconds: config.UPLOAD_EXPIRES_SECONDS,
        scanRows: config.FILTER_SCAN_ROWS,
      }),
      idempotencyStore: dynamoDbIdempotencyStore({
        client: aws.dynamodb,
        tableName: config.TABLE_NAME,
        leaseMs: config.REQUEST_TIMEOUT_MS + LEASE_MARGIN_MS,
      }),
      checks: {
        s3: files.ping,
        dynamodb: datasets.ping,
        sqs: (abortSignal) =>
          aws.sqs.send(
            new GetQueueAttributesCommand({ QueueUrl: config.QUEUE_URL, AttributeNames: ['QueueArn'] }),
            { abortSignal },
          ),
        postgres: reads.ping,
      },
      isUnavailable: (error) => isDatabaseUnavailable(error) || isAwsUnavailable(error),
      requestTimeoutMs: config.REQUEST_TIMEOUT_MS,
      rateLimitMax: config.RATE_LIMIT_MAX,
      trustedProxies: config.TRUSTED_PROXIES,
      drainDelayMs: drainDelayMs(config),
      drainMs: config.DRAIN_MS,
    });

    const admin = await startAdminServer({ host: config.ADMIN_HOST, port: config.ADMIN_PORT, registry });
    onStop('admin server', admin.close);

    if (authMode(config) === 'none' && config.NODE_ENV === 'production') {
      log.warn('AUTH_MODE=none: every caller is let in as tenant “local”');
    }
    await app.listen({ host: config.HOST, port: config.PORT }).catch((error: unknown) => {
      throw portError(error, config.PORT, 'PORT');
    });
    onStop('http server', () => app.drain());
    const { port } = app.server.address() as AddressInfo;
    log.info({ port, adminPort: admin.port, auth: authMode(config) }, 'listening');
  },
});

function authOptions(config: Config): AuthOptions {
  if (authMode(config) === 'none') return { mode: 'none' };
  return {
    mode: 'oidc',
    issuer: config.AUTH_ISSUER ?? '',
    audience: config.AUTH_AUDIENCE ?? '',
    tenantClaim: config.AUTH_TENANT_CLAIM,
    ...(config.AUTH_JWKS_URL === undefined ? {} : { jwksUrl: config.AUTH_JWKS_URL }),
  };
}
