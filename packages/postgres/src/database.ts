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

/**
 * A pool of connections whose password follows the secret: it is looked up for each new connection, and when Postgres
 * refuses it the secret is read again and the connection tried once more. So a rotation needs no restart.
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
  const { source, log } = options;
  const pool = new pg.Pool({
    ...(await source.current()),
    password: async () => String((await source.current()).password ?? ''),
    application_name: options.applicationName,
    max: options.maxConnections,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    statement_timeout: options.statementTimeoutMs,
    // A process that hangs inside a transaction must not hold its locks for ever.
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
  });
  pool.on('error', (err) => log.warn({ err }, 'an idle connection to Postgres was lost'));
  // A connection in use reports its loss twice: to the statement, which fails, and as an event, which would end the
  // process if nobody listened.
  pool.on('connect', (client) => client.on('error', (err) => log.debug({ err }, 'a connection to Postgres was lost')));

  const connect = async () => {
    try {
      return await pool.connect();
    } catch (error) {
      if (!isAuthenticationFailure(error)) throw error;
      log.warn('Postgres refused the password: reading the secret again');
      await source.refresh();
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
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        if (!cut) client.release();
        return result;
      } catch (error) {
        if (!cut) client.release(isFatal(error) || (await rollbackFailed(client)));
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
