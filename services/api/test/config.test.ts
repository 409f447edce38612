import { expect, test } from 'vitest';
import { ConfigError } from '@stowage/runtime';
import { authMode, drainDelayMs, readConfig } from '../src/config.ts';

const NEEDED = {
  AWS_REGION: 'us-east-1',
  BUCKET_NAME: 'bucket',
  TABLE_NAME: 'table',
  QUEUE_URL: 'http://localhost/queue',
  DATABASE_URL: 'postgres://localhost/stowage',
};
const ISSUER = { AUTH_ISSUER: 'https://issuer.example', AUTH_AUDIENCE: 'stowage' };

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('what is needed is enough outside production: nobody is asked for a token', () => {
  const config = readConfig(NEEDED);
  expect([authMode(config), drainDelayMs(config), config.PORT]).toEqual(['none', 0, 3_000]);
});

test('every problem is named at once', () => {
  const problems = problemsOf({ NODE_ENV: 'production', PORT: 'x', QUEUE_URL: 'sqs', AUTH_MODE: 'basic' });
  const named = [
    'AWS_REGION',
    'BUCKET_NAME',
    'TABLE_NAME',
    'DATABASE_SECRET_ID',
    'PORT',
    'QUEUE_URL',
    'AUTH_MODE',
  ];
  for (const name of named) expect(problems.filter((problem) => problem.includes(name))).toHaveLength(1);
});

test('production asks for tokens by default, and needs to know whose', () => {
  const env = { ...NEEDED, NODE_ENV: 'production' };
  expect(problemsOf(env)).toEqual([
    'AUTH_ISSUER is not set, which AUTH_MODE=oidc needs',
    'AUTH_AUDIENCE is not set, which AUTH_MODE=oidc needs',
  ]);
  const config = readConfig({ ...env, ...ISSUER });
  expect([authMode(config), drainDelayMs(config), config.AUTH_TENANT_CLAIM]).toEqual(['oidc', 5_000, 'sub']);
});

test('production goes without tokens only when it is told to', () => {
  expect(authMode(readConfig({ ...NEEDED, NODE_ENV: 'production', AUTH_MODE: 'none' }))).toBe('none');
});

test('tokens can be asked for anywhere', () => {
  expect(problemsOf({ ...NEEDED, AUTH_MODE: 'oidc' })).toHaveLength(2);
  expect(authMode(readConfig({ ...NEEDED, AUTH_MODE: 'oidc', ...ISSUER }))).toBe('oidc');
});

test('an empty variable counts as unset', () => {
  expect(problemsOf({ ...NEEDED, DATABASE_URL: '', DATABASE_SECRET_ID: '' })).toHaveLength(1);
  expect(authMode(readConfig({ ...NEEDED, AUTH_MODE: '' }))).toBe('none');
});
