import { expect, test } from 'vitest';
import { Type } from 'typebox';
import { awsSettings, Choice, ConfigError, loadConfig, processSettings } from '../src/index.ts';

const schema = Type.Object({
  NAME: Type.String({ description: 'what it is called' }),
  SLOTS: Type.Integer({ default: 2, minimum: 1, description: 'how many' }),
  MODE: Choice(['fast', 'safe'], { default: 'safe', description: 'how' }),
  URL: Type.Optional(Type.String({ pattern: '^https?://', description: 'where' })),
});

function problemsOf(load: () => unknown): readonly string[] {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('nothing was wrong');
}

test('texts become the types of the schema, and what is unset takes its default', () => {
  expect(loadConfig(schema, { NAME: 'a', SLOTS: '7' })).toEqual({ NAME: 'a', SLOTS: 7, MODE: 'safe' });
});

test('variables that are no settings are left out', () => {
  expect(loadConfig(schema, { NAME: 'a', PATH: '/bin' })).not.toHaveProperty('PATH');
});

test('an empty variable counts as unset', () => {
  expect(loadConfig(schema, { NAME: 'a', SLOTS: '', URL: '' })).toEqual({
    NAME: 'a',
    SLOTS: 2,
    MODE: 'safe',
  });
  expect(problemsOf(() => loadConfig(schema, { NAME: '' }))).toEqual(['NAME is not set (what it is called)']);
});

test('every problem is named at once, those of the rules too', () => {
  const rules = (config: { URL?: string }) => (config.URL?.includes('example') ? ['URL is an example'] : []);
  const env = { SLOTS: '0', MODE: 'slow', URL: 'ftp://example' };
  expect(problemsOf(() => loadConfig(schema, env, rules))).toEqual([
    'NAME is not set (what it is called)',
    'SLOTS must be >= 1',
    'MODE must be one of fast, safe',
    'URL must match pattern "^https?://"',
    'URL is an example',
  ]);
});

test('a number that is none is refused', () => {
  expect(problemsOf(() => loadConfig(schema, { NAME: 'a', SLOTS: '2.5' }))).toEqual([
    'SLOTS must be integer',
  ]);
  expect(problemsOf(() => loadConfig(schema, { NAME: 'a', SLOTS: 'two' }))).toEqual([
    'SLOTS must be integer',
  ]);
});

test('the error’s message holds all problems', () => {
  expect(() => loadConfig(schema, { MODE: 'slow' })).toThrow(
    'configuration: NAME is not set (what it is called); MODE must be one of fast, safe',
  );
});

test('rules see defaults and may refuse what the schema takes', () => {
  const rules = ({ SLOTS, MODE }: { SLOTS: number; MODE: string }) =>
    MODE === 'safe' && SLOTS > 1 ? ['SLOTS is more than MODE=safe allows'] : [];
  expect(problemsOf(() => loadConfig(schema, { NAME: 'a' }, rules))).toEqual([
    'SLOTS is more than MODE=safe allows',
  ]);
  expect(loadConfig(schema, { NAME: 'a', MODE: 'fast' }, rules).SLOTS).toBe(2);
});

test('one load leaves nothing for the next', () => {
  loadConfig(schema, { NAME: 'a', SLOTS: '7' });
  expect(loadConfig(schema, { NAME: 'b' })).toEqual({ NAME: 'b', SLOTS: 2, MODE: 'safe' });
});

test('the schema, from which docs are made, stays as it is', () => {
  const fresh = Type.Object({ NAME: Type.String() });
  loadConfig(fresh, { NAME: 'a', PATH: '/bin' });
  expect(fresh).not.toHaveProperty('additionalProperties');
});

test('the settings of every process need nothing but the region', () => {
  const all = Type.Object({ ...processSettings, ...awsSettings });
  expect(problemsOf(() => loadConfig(all, {}))).toEqual([expect.stringContaining('AWS_REGION is not set')]);
  expect(loadConfig(all, { AWS_REGION: 'eu-west-1' })).toEqual({
    NODE_ENV: 'development',
    LOG_LEVEL: 'info',
    VERSION: 'development',
    ADMIN_HOST: '0.0.0.0',
    ADMIN_PORT: 9464,
    AWS_REGION: 'eu-west-1',
  });
});
