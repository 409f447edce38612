import { type Static, Type } from 'typebox';
import { databaseRules, databaseSettings } from '@stowage/postgres';
import { awsSettings, loadConfig, processSettings } from '@stowage/runtime';

const { NODE_ENV, LOG_LEVEL, VERSION } = processSettings;

/** Every setting of the migration task. */
export const configSchema = Type.Object({
  NODE_ENV,
  LOG_LEVEL,
  VERSION,
  ...awsSettings,
  ...databaseSettings,
});

export type Config = Static<typeof configSchema>;

/** @throws {ConfigError} naming every problem at once */
export const readConfig = (env?: NodeJS.ProcessEnv): Config => loadConfig(configSchema, env, databaseRules);
