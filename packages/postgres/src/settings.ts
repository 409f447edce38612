import { Type } from 'typebox';

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
};

/** For {@link loadConfig}: what the database settings demand of each other. */
export function databaseRules(config: { DATABASE_SECRET_ID?: string; DATABASE_URL?: string }): string[] {
  if (config.DATABASE_SECRET_ID || config.DATABASE_URL) return [];
  return ['DATABASE_SECRET_ID or DATABASE_URL is not set (where Postgres is)'];
}
