import pg, { type ClientConfig, type PoolClient, type QueryResultRow } from 'pg';
import type { Logger, Rotating } from '@stowage/runtime';
import { isAuthenticationFailure } from './errors.ts';

export interface Database {
  /** Runs one statement on a connection of the pool. */
  query: <R extends QueryResultRow>(text: string, values?: unknown[]) => Promise<R[]>;
  /**
   * Runs `work` in a transaction: committed when it returns, rolled back when it throws.
   *
   * @param signal aborting it cuts the connection, which Postgres answers with a rollback; nothing can hang on
   */
  transaction: <T>(work: (client: PoolClient) => Promise<T>, signal?: AbortSignal) => Promise<T>;
  close: () => Promise<void>;
}

/** How long past the server's own limit an answer is waited for: then the server, or the way to it, is gone. */
const ANSWER_GRACE_MS = 1_000;

/**
 * Postgres looks for a client that is gone only when it reads or writes, so without this a statement that was cut runs
 * on, with its locks (PostgreSQL manual, client_connection_check_interval).
 */
const NOTICE_LOST_CLIENTS = '-c client_connection_check_interval=1s';

/** How long what came of reading the secret again holds, so that a password that is wrong everywhere is no storm of reads. */
const RENEWAL_HOLDS_MS = 1_000;

/**
 * A pool of connections whose user and password follow the secret: when Postgres refuses them the secret is read again,
 * and who it says is tried. So a rotation needs no restart and fails no query, be it of one user or of two that
 * alternate.
 *
 * @param options.maxConnections upper bound for this process
 * @param options.statementTimeoutMs longest time a statement may run, in milliseconds; 0 for no limit
 * @throws {SecretError} when the connection parameters cannot be had
 */
export async function openDatabase(options: {
  source: Rotating<ClientConfig>;
  applicationName: string;
  maxConnections: number;
  statementTimeoutMs: number;
  log: Logger;
}): Promise<Database> {
  const { source, statementTimeoutMs, log } = options;
  const connection = await source.current();
  const pool = new pg.Pool({
    ...connection,
    options: `${connection.options ?? ''} ${NOTICE_LOST_CLIENTS}`,
    application_name: options.applicationName,
    max: options.maxConnections,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs && statementTimeoutMs + ANSWER_GRACE_MS,
    // A process that hangs inside a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
  });
  // Not the error itself: the pool hangs the whole client on it.
  pool.on('error', ({ message }) => log.warn({ reason: message }, 'an idle connection to Postgres was lost'));
  // A connection in use reports its loss twice: to the statement, which fails, and as an event, which would end the
  // process if nobody listened.
  pool.on('connect', (client) =>
    client.on('error', ({ message }) => log.debug({ reason: message }, 'a connection to Postgres was lost')),
  );

  const accepts = async ({ user, password }: ClientConfig) => {
    const client = new pg.Client({ ...pool.options, user, password });
    client.on('error', ({ message }) => log.debug({ reason: message }, 'a connection to Postgres was lost'));
    try {
      await client.connect();
      return true;
    } catch (error) {
      if (isAuthenticationFailure(error)) return false;
      throw error;
    } finally {
      await client.end();
    }
  };

  /**
   * A rotation changes the password in Postgres first, and only then which version of the secret is the current one: in
   * between the pending one is right. It is read first: if the rotation ends meanwhile, it is the current one that is read.
   */
  async function renew(): Promise<boolean> {
    log.warn('Postgres refused the password: reading the secret again');
    const pending = await source.pending();
    const current = await source.refresh();
    for (const candidate of [current, pending]) {
      if (!candidate || !(await accepts(candidate))) continue;
      const { user, password } = candidate;
      Object.assign(pool.options, { user, password });
      return true;
    }
    return false;
  }

  let renewal: Promise<boolean> | undefined;
  const renewed = () =>
    (renewal ??= renew().finally(() => setTimeout(() => (renewal = undefined), RENEWAL_HOLDS_MS).unref()));

  const connect = async () => {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isAuthenticationFailure(error) || !(await renewed())) throw error;
      return pool.connect();
    }
  };

  return {
    async query<R extends QueryResultRow>(text: string, values?: unknown[]) {
      const client = await connect();
      try {
        const result = await client.query<R>(text, values);
        client.release();
        return result.rows;
      } catch (error) {
        client.release(isFatal(error));
        throw error;
      }
    },

    async transaction(work, signal) {
      signal?.throwIfAborted();
      const client = await connect();
      let cut = false;
      const abort = () => {
        cut = true;
        client.release(true);
      };
      signal?.addEventListener('abort', abort, { once: true });
      try {
        signal?.throwIfAborted(); // It may have been while the connection was made.
        await client.query('BEGIN');
        const result = await work(client);
        const { command } = await client.query('COMMIT');
        // Postgres answers so, and not with an error, when a statement failed and `work` went on.
        if (command === 'ROLLBACK') throw new Error('rolled back: a statement of the transaction had failed');
        if (!cut) client.release();
        return result;
      } catch (error) {
        const broken = cut || isFatal(error) || (await rollbackFailed(client));
        if (!cut) client.release(broken);
        throw cut ? signal?.reason : error;
      } finally {
        signal?.removeEventListener('abort', abort);
      }
    },

    close: () => pool.end(),
  };
}

/** Whether the connection itself is done for, rather than only the statement. */
function isFatal(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || !/^[0-9A-Z]{5}$/.test(code) || code.startsWith('57P');
}

async function rollbackFailed(client: PoolClient): Promise<boolean> {
  try {
    await client.query('ROLLBACK');
    return false;
  } catch {
    // The connection is closed next, and Postgres rolls back by itself.
    return true;
  }
}
