import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { startSecretsManager } from '@stowage/local';
import { SecretError } from '@stowage/runtime';
import { afterAll, expect, test } from 'vitest';
import { connectionSource, databaseRules, parseConnection } from '../src/index.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
const standIn = await startSecretsManager({ credentials });
const client = new SecretsManagerClient({ endpoint: standIn.url, region: 'us-east-1', credentials });
afterAll(async () => {
  client.destroy();
  await standIn.close();
});

test('a URL is read with its escapes and parameters', () => {
  const url = '\n postgres://app:p%40ss%2Fword@db.example.org:6432/stowage?sslmode=verify-full\n';
  expect(parseConnection(url, 'the secret')).toMatchObject({
    host: 'db.example.org',
    port: 6432,
    user: 'app',
    password: 'p@ss/word',
    database: 'stowage',
    ssl: {},
  });
  expect(parseConnection('postgresql://app:a@db/stowage', 'the secret')).toMatchObject({ host: 'db' });
});

test('RDS’s JSON is read, what it may leave out has RDS’s defaults', () => {
  const secret = { engine: 'postgres', host: 'db.example.org', username: 'app', password: 'p@ss/word' };
  expect(parseConnection(JSON.stringify({ ...secret, port: 6432, dbname: 'stowage' }), 'the secret')).toEqual(
    {
      host: 'db.example.org',
      port: 6432,
      user: 'app',
      password: 'p@ss/word',
      database: 'stowage',
    },
  );
  expect(parseConnection(JSON.stringify(secret), 'the secret')).toMatchObject({
    port: 5432,
    database: 'postgres',
  });
});

test.each([
  ['', 'neither a postgres:// URL nor RDS’s JSON'],
  ['hush-hush', 'neither a postgres:// URL nor RDS’s JSON'],
  ['mysql://app:hush-hush@db/stowage', 'neither a postgres:// URL nor RDS’s JSON'],
  ['postgres://app:hush-hush@db:port/stowage', 'a malformed postgres:// URL'],
  ['postgres://app:hush-hush%E0%A4@db/stowage', 'a malformed postgres:// URL'],
  ['{"password": "hush-hush"', 'looks like JSON and is not'],
  ['{"username": "app", "password": "hush-hush"}', 'lacks one of host, username and password'],
  ['{"host": "db", "username": "hush-hush"}', 'lacks one of host, username and password'],
])('%s is refused by name, and never shown', (text, message) => {
  let error: unknown;
  try {
    parseConnection(text, 'secret a/b');
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(SecretError);
  expect(error).toHaveProperty('message', expect.stringMatching(`^secret a/b .*${message}$`));
  expect(`${String(error)} ${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('hush');
  expect(error).not.toHaveProperty('cause');
});

test('a URL in the settings is a source that never changes', async () => {
  const source = connectionSource({ DATABASE_URL: 'postgres://app:a@db/stowage' }, client);
  expect(await source.current()).toMatchObject({ user: 'app', password: 'a' });
  expect(await source.refresh()).toBe(await source.current());
});

test('the secret goes before the URL', async () => {
  const SecretString = 'postgres://app:from-secret@db/stowage';
  await client.send(new CreateSecretCommand({ Name: 'stowage/database', SecretString }));
  const settings = { DATABASE_SECRET_ID: 'stowage/database', DATABASE_URL: 'postgres://app:a@db/stowage' };
  expect(await connectionSource(settings, client).current()).toMatchObject({ password: 'from-secret' });
});

test('a secret that is malformed is named, and never shown', async () => {
  await client.send(new CreateSecretCommand({ Name: 'stowage/bad', SecretString: 'hush-hush' }));
  const failure = connectionSource({ DATABASE_SECRET_ID: 'stowage/bad' }, client).current();
  await expect(failure).rejects.toThrow(
    new SecretError('secret stowage/bad is neither a postgres:// URL nor RDS’s JSON'),
  );
});

test('one of the two settings is needed', () => {
  expect(() => connectionSource({}, client)).toThrow('set DATABASE_SECRET_ID or DATABASE_URL');
  expect(databaseRules({})).toEqual([expect.stringContaining('DATABASE_SECRET_ID or DATABASE_URL')]);
  expect(databaseRules({ DATABASE_URL: 'postgres://db' })).toEqual([]);
  expect(databaseRules({ DATABASE_SECRET_ID: 'a' })).toEqual([]);
});
