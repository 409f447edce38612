import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { type Postgres, startPostgres } from '@stowage/local';
import { createLogger, type Rotating } from '@stowage/runtime';
import { afterAll } from 'vitest';
import { type Database, openDatabase, parseConnection } from '../src/index.ts';

export interface Server {
  url: string;
  connection: ClientConfig;
  /** A pool on it, closed after the file's tests. */
  open: (options?: Partial<Parameters<typeof openDatabase>[0]>) => Promise<Database>;
  stop: () => Promise<void>;
  /** On the same port, after a stop. */
  start: () => Promise<void>;
}

/** A Postgres of the test file's own. */
export async function startServer(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-postgres-'));
  const options = { dataDir: join(folder, 'postgres'), password: 'hush-hush', fsync: false };
  let postgres: Postgres = await startPostgres(options);
  const { url, port } = postgres;
  const connection = parseConnection(url, 'the URL');
  const opened: Database[] = [];
  afterAll(async () => {
    await Promise.allSettled(opened.map((database) => database.close())); // A test may have closed its own.
    await postgres.stop();
    rmSync(folder, { recursive: true });
  });
  return {
    url,
    connection,
    async open(more = {}) {
      const database = await openDatabase({
        source: fixed(connection),
        applicationName: 'test',
        maxConnections: 4,
        statementTimeoutMs: 10_000,
        log: keepLog().log,
        ...more,
      });
      opened.push(database);
      return database;
    },
    stop: () => postgres.stop(),
    start: async () => void (postgres = await startPostgres({ ...options, port })),
  };
}

/** Connection parameters that never change. */
export function fixed(connection: ClientConfig): Rotating<ClientConfig> {
  const value = Promise.resolve(connection);
  return { current: () => value, refresh: () => value, pending: () => Promise.resolve(undefined) };
}

/** A logger whose lines can be looked at. */
export function keepLog() {
  const lines: string[] = [];
  const options = { service: 'test', version: 'test', level: 'debug' };
  return { lines, log: createLogger(options, { write: (line: string) => void lines.push(line) }) };
}

/** What a promise was rejected with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** Waits until `check` holds, for at most 5 s. */
export async function until(check: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 5_000; !(await check());) {
    if (performance.now() > end) throw new Error('it did not come about in 5 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
