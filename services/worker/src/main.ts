import { setFlagsFromString } from 'node:v8';
import {
  createDatasetStore,
  createFileStore,
  createLoadStore,
  MAX_RECORD_BYTES,
  type Message,
  Message as messageSchema,
} from '@stowage/datasets';
import { connectionSource, isDatabaseUnavailable, openDatabase } from '@stowage/postgres';
import { createProducer, messageParser, startConsumer } from '@stowage/queue';
import {
  createAwsClients,
  createTaskProtection,
  isAwsUnavailable,
  startAdminServer,
  startProcess,
} from '@stowage/runtime';
import { createBufferPool } from './buffer-pool.ts';
import { readConfig } from './config.ts';
import { startEncoder } from './encoder.ts';
import { createHandler } from './handlers.ts';

/** What is left of the stop deadline for everything but draining: closing pools and sockets. */
const CLOSING_MS = 5_000;

/*
 * What passes through sockets, 64 KiB at a time, counts as memory of the old generation, which is small here: by itself
 * V8 would go through all of it every 15 MB. When it may first become twice as large, those buffers are gone long before,
 * released or with the young generation, whose collections take no time. A load takes 5 to 10 % less CPU time so, and
 * hardly more memory. (`NODE_OPTIONS` does not take this one.)
 */
setFlagsFromString('--heap-growing-percent=100');

await startProcess({
  service: 'worker',
  readConfig,
  stopDeadlineMs: (config) => config.DRAIN_MS + CLOSING_MS,
  async start({ config, log, registry, onStop }) {
    const aws = createAwsClients();
    onStop('aws clients', aws.close);

    const database = await openDatabase({
      source: connectionSource(config, aws.secretsManager),
      applicationName: 'stowage-worker',
      maxConnections: config.WORKER_SLOTS + 1,
      statementTimeoutMs: config.HANDLER_TIMEOUT_MS,
      log,
    });
    onStop('database', database.close);

    const protection = createTaskProtection(log);
    onStop('task protection', protection.stop);

    const encoder = startEncoder();
    onStop('encoder', encoder.close);

    const files = createFileStore({ s3: aws.s3, bucket: config.BUCKET_NAME });
    const consumer = startConsumer<Message>({
      queueUrl: config.QUEUE_URL,
      pollClient: aws.sqsPolling,
      actClient: aws.sqs,
      parse: messageParser(messageSchema),
      messageType: (message) => message.type,
      handle: createHandler({
        datasets: createDatasetStore({ dynamodb: aws.dynamodb, table: config.TABLE_NAME, files }),
        files,
        loads: createLoadStore(database),
        producer: createProducer<Message>({ queueUrl: config.QUEUE_URL, client: aws.sqs }),
        // A chunk ends with the record that fills it.
        buffers: createBufferPool(config.CHUNK_BYTES + MAX_RECORD_BYTES),
        encoder,
        chunkBytes: config.CHUNK_BYTES,
      }),
      isUnavailable: (error) => isDatabaseUnavailable(error) || isAwsUnavailable(error),
      onBusyChange: protection.setBusy,
      concurrency: config.WORKER_SLOTS,
      waitTimeSeconds: config.POLL_WAIT_SECONDS,
      handlerTimeoutMs: config.HANDLER_TIMEOUT_MS,
      registry,
      log,
    });

    onStop('consumer', () => consumer.stop(config.DRAIN_MS));

    const admin = await startAdminServer({
      host: config.ADMIN_HOST,
      port: config.ADMIN_PORT,
      registry,
      isLive: consumer.isLive,
    });
    onStop('admin server', admin.close);
    log.info({ adminPort: admin.port, slots: config.WORKER_SLOTS }, 'working');
  },
});
