import { type Static, Type } from 'typebox';
import { datasetSettings } from '@stowage/datasets';
import { databaseRules, databaseSettings } from '@stowage/postgres';
import { awsSettings, Choice, loadConfig, processSettings } from '@stowage/runtime';

/** Every setting of the api; docs/environment.md is made from it. */
export const configSchema = Type.Object({
  ...processSettings,
  ...awsSettings,
  ...databaseSettings,
  ...datasetSettings,
  HOST: Type.String({ default: '0.0.0.0', description: 'interface the api listens on' }),
  PORT: Type.Integer({
    default: 3000,
    minimum: 0,
    maximum: 65_535,
    description: 'port of the api; 0 takes a free one',
  }),
  TRUSTED_PROXIES: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 10,
    description: 'proxies in front whose X-Forwarded-For is believed: 1 behind a load balancer',
  }),
  S3_PUBLIC_ENDPOINT_URL: Type.Optional(
    Type.String({
      pattern: '^https?://',
      description: 'where clients reach S3, for upload forms, if not where the api does',
    }),
  ),
  UPLOAD_EXPIRES_SECONDS: Type.Integer({
    default: 3_600,
    minimum: 60,
    maximum: 86_400,
    description: 'how long an upload form is valid, in seconds',
  }),
  FILTER_SCAN_ROWS: Type.Integer({
    default: 200_000,
    minimum: 1_000,
    maximum: 10_000_000,
    description: 'rows that one request with `where.` looks at, at most',
  }),
  DATABASE_CONNECTIONS: Type.Integer({
    default: 10,
    minimum: 1,
    maximum: 100,
    description: 'connections to Postgres, at most',
  }),
  STATEMENT_TIMEOUT_MS: Type.Integer({
    default: 10_000,
    minimum: 100,
    maximum: 60_000,
    description: 'longest time a query may take, in milliseconds',
  }),
  REQUEST_TIMEOUT_MS: Type.Integer({
    default: 20_000,
    minimum: 1_000,
    maximum: 55_000,
    description:
      'longest time a request may take, in milliseconds; less than the load balancer’s idle timeout',
  }),
  RATE_LIMIT_MAX: Type.Integer({
    default: 6_000,
    minimum: 0,
    description: 'requests a tenant may send to one task in a minute; 0 for no limit',
  }),
  DRAIN_DELAY_MS: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 60_000,
      description:
        'how long requests are still served after SIGTERM, in milliseconds, while load balancers notice; 5000 in production, else 0',
    }),
  ),
  DRAIN_MS: Type.Integer({
    default: 25_000,
    minimum: 0,
    maximum: 110_000,
    description: 'how long requests in flight may take to finish after that, in milliseconds',
  }),
  AUTH_MODE: Type.Optional(
    Choice(['oidc', 'none'], {
      description:
        '`oidc` verifies bearer tokens, `none` lets everybody in as tenant `local`; default `oidc` in production, else `none`',
    }),
  ),
  AUTH_ISSUER: Type.Optional(Type.String({ pattern: '^https?://', description: 'issuer of the tokens' })),
  AUTH_AUDIENCE: Type.Optional(Type.String({ minLength: 1, description: 'audience that tokens must name' })),
  AUTH_JWKS_URL: Type.Optional(
    Type.String({ pattern: '^https?://', description: 'keys of the issuer; discovered from it by default' }),
  ),
  AUTH_TENANT_CLAIM: Type.String({
    default: 'sub',
    minLength: 1,
    description: 'claim that names the tenant',
  }),
});

export type Config = Static<typeof configSchema>;

/** @throws {ConfigError} naming every problem at once */
export const readConfig = (env?: NodeJS.ProcessEnv): Config => loadConfig(configSchema, env, rules);

/** `oidc` unless somebody who does not run in production chose nothing. */
export function authMode(config: Config): 'oidc' | 'none' {
  return config.AUTH_MODE ?? (config.NODE_ENV === 'production' ? 'oidc' : 'none');
}

export function drainDelayMs(config: Config): number {
  return config.DRAIN_DELAY_MS ?? (config.NODE_ENV === 'production' ? 5_000 : 0);
}

function rules(config: Config): string[] {
  const problems = databaseRules(config);
  if (authMode(config) === 'oidc') {
    for (const name of ['AUTH_ISSUER', 'AUTH_AUDIENCE'] as const) {
      if (!config[name]) problems.push(`${name} is not set, which AUTH_MODE=oidc needs`);
    }
  }
  return problems;
}
