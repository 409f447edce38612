import { Type } from 'typebox';
import { Choice } from '@stowage/runtime';

/** Settings of a process that uses Postgres: one of the first two is needed. */
export const databaseSettings = {
  DATABASE_SECRET_ID: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'name or ARN of the secret with the connection: a postgres:// URL or RDS’s JSON; followed when rotated',
    }),
  ),
  DATABASE_URL: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'the connection itself, where no secret is used or ECS injects it',
    }),
  ),
  DATABASE_TLS: Choice(['off', 'verify-full'], {
    default: 'off',
    description:
      '`verify-full`: only by TLS, with a certificate for the host name from Amazon RDS’s authorities or Node’s; `off`: as the URL’s sslmode says, else without',
  }),
};

/** Where Postgres is, and what it must prove. */
export interface DatabaseSettings {
  DATABASE_SECRET_ID?: string;
  DATABASE_URL?: string;
  DATABASE_TLS?: 'off' | 'verify-full';
}

/** For {@link loadConfig}: what the database settings demand of each other. */
export function databaseRules(config: DatabaseSettings): string[] {
  if (config.DATABASE_SECRET_ID || config.DATABASE_URL) return [];
  return ['DATABASE_SECRET_ID or DATABASE_URL is not set (where Postgres is)'];
}
