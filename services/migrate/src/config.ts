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
  DATABASE_ADMIN: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'JSON with username and password of who may create roles, as RDS keeps its master user’s: makes the roles that are missing',
    }),
  ),
  DATABASE_APPLICATION: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'connection of api and worker, in RDS’s JSON or as a URL: its user gets the rights it needs, and no more',
    }),
  ),
});

export type Config = Static<typeof configSchema>;

/** @throws {ConfigError} naming every problem at once */
export const readConfig = (env?: NodeJS.ProcessEnv): Config => loadConfig(configSchema, env, databaseRules);
