import {
  CreateSecretCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { freePort, type StandIn, startSecretsManager } from '@stowage/local';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createSecret, isAwsUnavailable, SecretError } from '../src/index.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
let standIn: StandIn;
let client: SecretsManagerClient;
let reads = 0;
let made = 0;

function connect(endpoint: string): SecretsManagerClient {
  const options = { endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  const connected = new SecretsManagerClient(options);
  connected.middlewareStack.add(
    (next, context) => (args) => {
      if (context.commandName === 'GetSecretValueCommand') reads += 1;
      return next(args);
    },
    { step: 'initialize' },
  );
  return connected;
}

beforeAll(async () => {
  standIn = await startSecretsManager({ credentials });
  client = connect(standIn.url);
});
afterAll(async () => {
  client.destroy();
  await standIn.close();
});
beforeEach(() => (reads = 0));

async function create(value: { SecretString?: string; SecretBinary?: Uint8Array }): Promise<string> {
  const Name = `secret-${++made}`;
  await client.send(new CreateSecretCommand({ Name, ...value }));
  return Name;
}

const put = (SecretId: string, SecretString: string) =>
  client.send(new PutSecretValueCommand({ SecretId, SecretString }));

const parse = (text: string) => {
  if (!text.startsWith('good')) throw new SecretError('the secret is malformed');
  return text.toUpperCase();
};

test('a secret is read once and parsed', async () => {
  const secret = createSecret({ client, secretId: await create({ SecretString: 'good' }), parse });
  expect(await Promise.all([secret.current(), secret.current()])).toEqual(['GOOD', 'GOOD']);
  expect(await secret.current()).toBe('GOOD');
  expect(reads).toBe(1);
});

test('a refresh reads it again, once for all who ask at the same time', async () => {
  const secretId = await create({ SecretString: 'good' });
  const secret = createSecret({ client, secretId, parse });
  await secret.current();
  await put(secretId, 'good two');
  expect(await secret.current()).toBe('GOOD');
  const refreshed = await Promise.all([secret.refresh(), secret.refresh(), secret.refresh()]);
  expect(refreshed).toEqual(['GOOD TWO', 'GOOD TWO', 'GOOD TWO']);
  expect(await secret.current()).toBe('GOOD TWO');
  expect(reads).toBe(2);
  await put(secretId, 'good three');
  expect(await secret.refresh()).toBe('GOOD THREE');
});

test('a refresh that fails keeps the value that was there', async () => {
  const secretId = await create({ SecretString: 'good' });
  const secret = createSecret({ client, secretId, parse });
  await secret.current();
  await put(secretId, 'bad');
  await expect(secret.refresh()).rejects.toThrow('the secret is malformed');
  expect(await secret.current()).toBe('GOOD');
  await put(secretId, 'good again');
  expect(await secret.refresh()).toBe('GOOD AGAIN');
});

test('a first read that fails is tried again by the next caller', async () => {
  const secretId = await create({ SecretString: 'bad' });
  const secret = createSecret({ client, secretId, parse });
  await expect(secret.current()).rejects.toThrow(SecretError);
  await put(secretId, 'good');
  expect(await secret.current()).toBe('GOOD');
});

test('the value that a rotation prepares is read beside the current one', async () => {
  const secretId = await create({ SecretString: 'good' });
  const secret = createSecret({ client, secretId, parse });
  expect(await secret.pending()).toBeUndefined();
  const next = { SecretId: secretId, SecretString: 'good next', VersionStages: ['AWSPENDING'] };
  await client.send(new PutSecretValueCommand(next));
  expect(await secret.pending()).toBe('GOOD NEXT');
  expect(await secret.current()).toBe('GOOD');
  expect(await secret.refresh()).toBe('GOOD');
});

test('a secret that is missing is named, and no outage', async () => {
  const failure = createSecret({ client, secretId: 'no/such', parse }).current();
  await expect(failure).rejects.toBeInstanceOf(SecretError);
  await expect(failure).rejects.toThrow('secret no/such cannot be read: ResourceNotFoundException');
  expect(isAwsUnavailable(await failure.catch((error: unknown) => error))).toBe(false);
});

test('a binary secret is refused without its content', async () => {
  const secretId = await create({ SecretBinary: Buffer.from('hush-hush') });
  const failure = createSecret({ client, secretId, parse }).current();
  await expect(failure).rejects.toThrow(new SecretError(`secret ${secretId} is binary, not text`));
});

test('Secrets Manager out of reach is a SecretError that counts as an outage', async () => {
  const nowhere = connect(`http://127.0.0.1:${await freePort()}`);
  const failure = createSecret({ client: nowhere, secretId: 'a', parse }).current();
  await expect(failure).rejects.toBeInstanceOf(SecretError);
  expect(isAwsUnavailable(await failure.catch((error: unknown) => error))).toBe(true);
});
