import { findPackageJSON } from 'node:module';
import type { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { buildApp, type BuildAppOptions } from 'fauxqs';

/** A running stand-in for one AWS service. */
export interface StandIn {
  /** The endpoint to give to the SDK, for example `http://127.0.0.1:40123`. */
  url: string;
  close: () => Promise<void>;
}

type Stores = NonNullable<BuildAppOptions['stores']>;

/** The parts of fauxqs that its package does not export; the version is pinned, so the paths hold. */
interface FauxqsInternals {
  SqsStore: new () => Stores['sqsStore'];
  SnsStore: new () => Stores['snsStore'];
  S3Store: new () => Stores['s3Store'];
  PersistenceManager: new (dataDir: string) => Persistence;
}

type Persistence = NonNullable<Stores['sqsStore']['persistence']>;

/**
 * Starts an SQS stand-in (fauxqs) on 127.0.0.1.
 *
 * fauxqs' own `startFauxqs` listens on every interface and gives queue URLs on a host name that only some
 * resolvers know; so its application is built from its parts: loopback, and queue URLs on the caller's host.
 *
 * @param options.dataDir where queues and messages are kept over restarts (SQLite); in memory without it
 * @param options.port 0 (the default) takes any free port
 */
export async function startSqs(options: { dataDir?: string; port?: number } = {}): Promise<StandIn> {
  const { SqsStore, SnsStore, S3Store, PersistenceManager } = await fauxqsInternals();
  const sqsStore = new SqsStore();
  const snsStore = new SnsStore();
  sqsStore.host = '';
  const persistence =
    options.dataDir === undefined ? undefined : openPersistence(new PersistenceManager(options.dataDir));
  if (persistence) {
    persistence.loadSqsAndSns(sqsStore, snsStore);
    sqsStore.persistence = persistence;
    for (const queue of sqsStore.allQueues()) queue.persistence = persistence;
  }
  const app = buildApp({ logger: false, stores: { sqsStore, snsStore, s3Store: new S3Store() } });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.raw.destroyed) giveBack(sqsStore, request.body, payload);
    done(null, payload);
  });
  if (persistence) app.addHook('preClose', () => persistence.close());
  const url = await app.listen({ port: options.port ?? 0, host: '127.0.0.1' });
  // Kept queues remember the port of an earlier run.
  for (const queue of sqsStore.allQueues()) {
    Object.assign(queue, { url: new URL(new URL(queue.url).pathname, url).href });
  }
  return { url, close: () => app.close() };
}

/**
 * fauxqs 2.4.1 fails to note that a message was made visible again at once (it writes a NULL where its table allows
 * none), answers 500 and loses the message: its method is replaced.
 *
 * Nor is the disk waited for at every message: that took 9 ms of a small file's load, in which nothing else of this
 * process ran. A killed process loses nothing by it, only a machine that loses its power may.
 */
function openPersistence(persistence: Persistence): Persistence {
  const { db } = persistence as unknown as { db: DatabaseSync };
  db.exec('PRAGMA synchronous = NORMAL');
  const makeReady = db.prepare(
    'UPDATE sqs_messages SET receipt_handle = NULL, visibility_deadline = NULL WHERE message_id = ?',
  );
  persistence.updateMessageReady = (messageId) => void makeReady.run(messageId);
  return persistence;
}

/**
 * Makes the messages of an answer that nobody waits for visible again: fauxqs answers a long poll whose client is
 * gone (a killed worker) with the next message, which would then be lost for its whole visibility timeout.
 */
function giveBack(store: Stores['sqsStore'], request: unknown, answer: unknown): void {
  const queueUrl = (request as { QueueUrl?: string } | undefined)?.QueueUrl;
  const queue = queueUrl === undefined ? undefined : store.getQueue(queueUrl);
  if (!queue || typeof answer !== 'string' || !answer.includes('ReceiptHandle')) return;
  const { Messages = [] } = JSON.parse(answer) as { Messages?: { ReceiptHandle: string }[] };
  for (const message of Messages) queue.changeVisibility(message.ReceiptHandle, 0);
}

async function fauxqsInternals(): Promise<FauxqsInternals> {
  const dist = pathToFileURL(findPackageJSON('fauxqs', import.meta.url) ?? '');
  const modules = ['sqs/sqsStore', 'sns/snsStore', 's3/s3Store', 'persistence'];
  const loaded = await Promise.all(modules.map((path) => import(new URL(`dist/${path}.js`, dist).href)));
  return Object.assign({}, ...loaded) as FauxqsInternals;
}
