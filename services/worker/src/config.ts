import { type Static, Type } from 'typebox';
import { datasetSettings } from '@stowage/datasets';
import { databaseRules, databaseSettings } from '@stowage/postgres';
import { awsSettings, loadConfig, processSettings } from '@stowage/runtime';

/** Every setting of the worker; docs/environment.md is made from it. */
export const configSchema = Type.Object({
  ...processSettings,
  ...awsSettings,
  ...databaseSettings,
  ...datasetSettings,
  WORKER_SLOTS: Type.Integer({
    default: 3,
    minimum: 1,
    maximum: 64,
    description:
      'messages worked on at the same time; each takes a connection to Postgres and about 12 MB of memory',
  }),
  CHUNK_BYTES: Type.Integer({
    default: 8 * 1024 * 1024,
    minimum: 1,
    maximum: 64 * 1024 * 1024,
    description: 'size from which a chunk ends at the next record, in bytes',
  }),
  HANDLER_TIMEOUT_MS: Type.Integer({
    default: 600_000,
    minimum: 1_000,
    maximum: 36_000_000,
    description: 'longest time one delivery of a message may be worked on, in milliseconds',
  }),
  POLL_WAIT_SECONDS: Type.Integer({
    default: 20,
    minimum: 1,
    maximum: 20,
    description: 'how long SQS may hold an empty receive, in seconds',
  }),
  DRAIN_MS: Type.Integer({
    default: 90_000,
    minimum: 0,
    maximum: 110_000,
    description:
      'how long running messages may finish after SIGTERM, in milliseconds; less than the task’s stop timeout',
  }),
});

export type Config = Static<typeof configSchema>;

/** @throws {ConfigError} naming every problem at once */
export const readConfig = (env?: NodeJS.ProcessEnv): Config => loadConfig(configSchema, env, databaseRules);
