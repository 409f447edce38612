import { runner } from 'node-pg-migrate';
import type { ClientConfig } from 'pg';
import type { Logger } from '@stowage/runtime';

/**
 * Brings the database to the newest schema: runs the numbered SQL files of `dir` that it has not seen, in order, all in
 * one transaction, under an advisory lock so that two runs at once do no harm.
 *
 * A step of its own, never part of a service's start: a deployment runs it with the new image before it replaces any
 * task, and stops if it fails.
 *
 * @returns the names of the migrations that were run
 */
export async function migrate(options: {
  connection: ClientConfig;
  dir: string;
  log: Logger;
}): Promise<string[]> {
  const { connection, dir, log } = options;
  const quiet = () => undefined;
  const run = await runner({
    databaseUrl: connection,
    dir,
    direction: 'up',
    singleTransaction: true,
    migrationsTable: 'migrations',
    advisoryLockMode: 'wait',
    logger: {
      debug: quiet,
      info: quiet,
      warn: (text: string) => log.warn(text),
      error: (text: string) => log.error(text),
    },
  });
  return run.map((migration) => migration.name);
}
