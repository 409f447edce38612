import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  ListSecretsCommand,
  PutSecretValueCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  type SecretsManagerClientConfig,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSecretsManager } from '../../src/secrets-manager/index.ts';
import type { StandIn } from '../../src/sqs.ts';

const credentials = { accessKeyId: 'local', secretAccessKey: 'local-secret' };
const SecretId = 'stowage/database';
/** Idempotency tokens, and so version ids; AWS wants 32 characters at least. */
const [ONE, TWO, THREE] = ['1', '2', '3'].map((digit) => digit.repeat(32)) as [string, string, string];

let dir: string;
let secretsManager: StandIn;
let client: SecretsManagerClient;

const start = (): Promise<StandIn> =>
  startSecretsManager({ dataFile: join(dir, 'data', 'secrets.json'), credentials });

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'stowage-secrets-'));
  secretsManager = await start();
  client = connect();
});
afterEach(async () => {
  client.destroy();
  await secretsManager.close();
  rmSync(dir, { recursive: true });
});

function connect(config: SecretsManagerClientConfig = {}): SecretsManagerClient {
  return new SecretsManagerClient({
    endpoint: secretsManager.url,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
    ...config,
  });
}

function create(SecretString = 'one', ClientRequestToken = ONE) {
  return client.send(new CreateSecretCommand({ Name: SecretId, SecretString, ClientRequestToken }));
}

function put(SecretString: string, ClientRequestToken: string, VersionStages?: string[]) {
  return client.send(
    new PutSecretValueCommand({ SecretId, SecretString, ClientRequestToken, VersionStages }),
  );
}

async function value(which: Partial<GetSecretValueCommandInput> = {}): Promise<string | undefined> {
  return (await client.send(new GetSecretValueCommand({ SecretId, ...which }))).SecretString;
}

async function stages(): Promise<Record<string, string[]> | undefined> {
  return (await client.send(new DescribeSecretCommand({ SecretId }))).VersionIdsToStages;
}

test('a secret is read by its name and by its ARN', async () => {
  const { ARN } = await create();
  expect(ARN).toMatch(/^arn:aws:secretsmanager:us-east-1:000000000000:secret:stowage\/database-[A-Za-z]{6}$/);
  for (const id of [SecretId, ARN]) {
    expect(await client.send(new GetSecretValueCommand({ SecretId: id }))).toMatchObject({
      ARN,
      Name: SecretId,
      SecretString: 'one',
      VersionId: ONE,
      VersionStages: ['AWSCURRENT'],
      CreatedDate: expect.any(Date),
    });
  }
});

test('a binary secret comes back as bytes', async () => {
  const bytes = new Uint8Array([0, 255, 1]);
  await client.send(new CreateSecretCommand({ Name: SecretId, SecretBinary: bytes }));
  const { SecretBinary, SecretString } = await client.send(new GetSecretValueCommand({ SecretId }));
  expect(Uint8Array.from(SecretBinary ?? [])).toEqual(bytes);
  expect(SecretString).toBeUndefined();
});

test('a put value is current, the one before is previous', async () => {
  await create();
  await put('two', TWO);
  expect(await value()).toBe('two');
  expect(await value({ VersionStage: 'AWSPREVIOUS' })).toBe('one');
  expect(await value({ VersionId: ONE })).toBe('one');
  await put('three', THREE);
  expect(await value({ VersionStage: 'AWSPREVIOUS' })).toBe('two');
  await expect(value({ VersionId: ONE })).rejects.toThrow(ONE);
});

test('a value is put once a token; with another value the token is refused', async () => {
  await create();
  await put('two', TWO);
  await put('two', TWO);
  expect(await value({ VersionStage: 'AWSPREVIOUS' })).toBe('one');
  await expect(put('other', TWO)).rejects.toMatchObject({ name: 'ResourceExistsException' });
});

test('a pending value is read by its label only, until it becomes current', async () => {
  await create();
  await put('two', TWO, ['AWSPENDING']);
  expect(await value()).toBe('one');
  expect(await value({ VersionStage: 'AWSPENDING' })).toBe('two');
  const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: TWO };
  await expect(client.send(new UpdateSecretVersionStageCommand(move))).rejects.toMatchObject({
    name: 'InvalidParameterException',
  });
  await client.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: ONE }));
  expect(await stages()).toEqual({ [ONE]: ['AWSPREVIOUS'], [TWO]: ['AWSPENDING', 'AWSCURRENT'] });
});

test('a label can be taken off, AWSCURRENT cannot', async () => {
  await create();
  await put('two', TWO, ['AWSPENDING']);
  const takeOff = (VersionStage: string, RemoveFromVersionId: string) =>
    client.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, RemoveFromVersionId }));
  await takeOff('AWSPENDING', TWO);
  expect(await stages()).toEqual({ [ONE]: ['AWSCURRENT'] });
  await expect(takeOff('AWSCURRENT', ONE)).rejects.toMatchObject({ name: 'InvalidParameterException' });
});

test('UpdateSecret puts a value and a description', async () => {
  await create();
  await client.send(new UpdateSecretCommand({ SecretId, SecretString: 'two', Description: 'text' }));
  expect(await value()).toBe('two');
  expect(await value({ VersionStage: 'AWSPREVIOUS' })).toBe('one');
  expect(await client.send(new DescribeSecretCommand({ SecretId }))).toMatchObject({ Description: 'text' });
});

test('secrets are listed', async () => {
  const { ARN } = await create();
  const { SecretList } = await client.send(new ListSecretsCommand());
  expect(SecretList).toMatchObject([
    { Name: SecretId, ARN, SecretVersionsToStages: { [ONE]: ['AWSCURRENT'] } },
  ]);
});

test('a deleted secret is gone at once, and its name is free', async () => {
  const first = await create();
  await client.send(new DeleteSecretCommand({ SecretId, ForceDeleteWithoutRecovery: true }));
  await expect(value()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  expect((await create()).ARN).not.toBe(first.ARN);
});

test('a secret is created once; with the same token and value that is no error', async () => {
  const first = await create();
  expect((await create()).ARN).toBe(first.ARN);
  await expect(create('other')).rejects.toMatchObject({ name: 'ResourceExistsException' });
  await expect(create('one', TWO)).rejects.toMatchObject({ name: 'ResourceExistsException' });
});

test('what is not there is ResourceNotFoundException', async () => {
  const missing = { name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 400 } };
  await expect(value()).rejects.toMatchObject(missing);
  await expect(put('two', TWO)).rejects.toMatchObject(missing);
  await create();
  await expect(value({ VersionStage: 'AWSPENDING' })).rejects.toMatchObject(missing);
  await expect(value({ VersionId: THREE })).rejects.toMatchObject(missing);
});

test('a version that does not have the label asked for is refused', async () => {
  await create();
  const get = value({ VersionId: ONE, VersionStage: 'AWSPREVIOUS' });
  await expect(get).rejects.toMatchObject({ name: 'InvalidRequestException' });
});

test('operations and parameters that it does not understand are refused by name', async () => {
  await create();
  const rotate = client.send(new RotateSecretCommand({ SecretId }));
  await expect(rotate).rejects.toMatchObject({
    name: 'NotImplementedException',
    message: expect.stringContaining('RotateSecret'),
    $metadata: { httpStatusCode: 501 },
  });
  const list = client.send(new ListSecretsCommand({ MaxResults: 1 }));
  await expect(list).rejects.toMatchObject({ message: expect.stringContaining('MaxResults') });
});

test.each<[string, SecretsManagerClientConfig, string]>([
  [
    'another secret key',
    { credentials: { ...credentials, secretAccessKey: 'wrong' } },
    'InvalidSignatureException',
  ],
  [
    'an unknown key',
    { credentials: { ...credentials, accessKeyId: 'other' } },
    'UnrecognizedClientException',
  ],
  ['a clock 16 minutes slow', { systemClockOffset: -16 * 60_000 }, 'InvalidSignatureException'],
  ['another region', { region: 'eu-west-1' }, 'InvalidSignatureException'],
])('%s is refused', async (_what, config, name) => {
  await create();
  const get = connect(config).send(new GetSecretValueCommand({ SecretId }));
  await expect(get).rejects.toMatchObject({ name });
});

test('a body that was changed after signing is refused', async () => {
  await create();
  const tampering = connect();
  tampering.middlewareStack.add(
    (next) => (args) => {
      (args.request as { body: string }).body = JSON.stringify({ SecretId: 'x'.repeat(SecretId.length) });
      return next(args);
    },
    { step: 'deserialize', priority: 'high', name: 'tamper' },
  );
  const get = tampering.send(new GetSecretValueCommand({ SecretId }));
  await expect(get).rejects.toMatchObject({ name: 'InvalidSignatureException' });
});

test('an unsigned request is refused', async () => {
  const headers = { 'x-amz-target': 'secretsmanager.ListSecrets' };
  const response = await fetch(secretsManager.url, { method: 'POST', body: '{}', headers });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
});

test('secrets outlive a restart, in a file that only its owner may read', async () => {
  const { ARN } = await create();
  await put('two', TWO);
  await secretsManager.close();
  expect(readdirSync(join(dir, 'data'))).toEqual(['secrets.json']);
  expect(statSync(join(dir, 'data', 'secrets.json')).mode & 0o077).toBe(0);
  secretsManager = await start();
  client = connect();
  expect(await value({ VersionStage: 'AWSPREVIOUS', SecretId: ARN })).toBe('one');
});

test('a file that cannot be read stops the start and says what to do', async () => {
  const dataFile = join(dir, 'broken.json');
  writeFileSync(dataFile, '{');
  await expect(startSecretsManager({ dataFile, credentials })).rejects.toThrow(
    'repair the file or delete it',
  );
});

test('without a file, secrets are kept in memory', async () => {
  await secretsManager.close();
  secretsManager = await startSecretsManager({ credentials });
  client = connect();
  await create();
  expect(await value()).toBe('one');
});
