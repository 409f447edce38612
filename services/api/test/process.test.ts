import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, onTestFinished, test } from 'vitest';
import { startSecretsManager } from '@stowage/local';

const MAIN = fileURLToPath(import.meta.resolve('../src/main.ts'));
const credentials = { accessKeyId: 'key', secretAccessKey: 'secret' };
const NEEDED = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  BUCKET_NAME: 'bucket',
  TABLE_NAME: 'table',
  QUEUE_URL: 'http://127.0.0.1:9/queue',
  HOST: '127.0.0.1',
  PORT: '0',
  ADMIN_HOST: '127.0.0.1',
  ADMIN_PORT: '0',
};
/** Postgres is asked for only when rows are read. */
const DATABASE_URL = 'postgres://somebody@127.0.0.1:9/nowhere';

/** Runs the api, which is expected to end by itself; if it listens it is told to. */
function run(env: Record<string, string>): Promise<{ code: unknown; lines: Record<string, unknown>[] }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN], { env, timeout: 50_000 }, (error, stdout) => {
      const lines = stdout.split('\n').filter(Boolean);
      resolve({
        code: error?.code ?? 0,
        lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
      });
    });
    child.stdout?.on('data', (text: string) => {
      if (text.includes('"msg":"listening"')) child.kill('SIGTERM');
    });
  });
}

async function takenPort(): Promise<string> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  return String((server.address() as AddressInfo).port);
}

test('an api without settings ends with one line that names every one of them', async () => {
  const { code, lines } = await run({ NODE_ENV: 'production', PORT: 'none' });
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ level: 'fatal', service: 'api' });
  const names = [
    'AWS_REGION',
    'BUCKET_NAME',
    'TABLE_NAME',
    'QUEUE_URL',
    'DATABASE_SECRET_ID or DATABASE_URL',
  ];
  for (const name of [...names, 'PORT', 'AUTH_ISSUER']) expect(lines[0]?.['msg']).toContain(name);
});

test('a secret that is no connection ends it with one line that names the secret and does not show it', async () => {
  const stand = await startSecretsManager({ credentials });
  onTestFinished(() => stand.close());
  const client = new SecretsManagerClient({ endpoint: stand.url, region: 'us-east-1', credentials });
  await client.send(new CreateSecretCommand({ Name: 'db', SecretString: 'hush-hush' }));
  client.destroy();
  const { code, lines } = await run({
    ...NEEDED,
    DATABASE_SECRET_ID: 'db',
    AWS_ENDPOINT_URL_SECRETS_MANAGER: stand.url,
  });
  expect(code).toBe(1);
  expect(lines).toMatchObject([
    { level: 'fatal', msg: 'secret db is neither a postgres:// URL nor RDS’s JSON' },
  ]);
  expect(JSON.stringify(lines)).not.toContain('hush-hush');
});

test.each(['PORT', 'ADMIN_PORT'])('a taken %s ends it with one line that names the setting', async (name) => {
  const port = await takenPort();
  const { code, lines } = await run({ ...NEEDED, DATABASE_URL, [name]: port });
  expect(code).toBe(1);
  expect(lines).toMatchObject([{ level: 'fatal', msg: `port ${port} is taken: set ${name} to another one` }]);
});

test('in production it lets everybody in when told to, and says so', async () => {
  const settings = { ...NEEDED, DATABASE_URL, NODE_ENV: 'production', DRAIN_DELAY_MS: '0' };
  const { code, lines } = await run({ ...settings, AUTH_MODE: 'none' });
  expect(code).toBe(0);
  expect(lines).toContainEqual(expect.objectContaining({ msg: 'listening', auth: 'none' }));
  expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([
    { msg: 'AUTH_MODE=none: every caller is let in as tenant “local”' },
  ]);
});
