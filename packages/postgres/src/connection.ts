import { parseIntoClientConfig } from 'pg-connection-string';
import type { ClientConfig } from 'pg';
import { createSecret, type Rotating, SecretError } from '@stowage/runtime';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** What RDS keeps in a secret that it manages or that Secrets Manager rotates. */
interface RdsSecret {
  host?: string;
  port?: number;
  username?: string;
  password?: string;
  dbname?: string;
}

/**
 * Reads connection parameters from the text of a secret: a `postgres://` URL, or RDS's JSON with host, username,
 * password, dbname and port.
 *
 * @param name what to call the text in an error; the text itself is never shown
 * @throws {SecretError} when it is neither
 */
export function parseConnection(text: string, name: string): ClientConfig {
  const trimmed = text.trim();
  if (trimmed.startsWith('{')) return fromRdsSecret(trimmed, name);
  if (!/^postgres(ql)?:\/\//.test(trimmed)) {
    throw new SecretError(`${name} is neither a postgres:// URL nor RDS’s JSON`);
  }
  try {
    return parseIntoClientConfig(trimmed);
  } catch {
    throw new SecretError(`${name} is a malformed postgres:// URL`);
  }
}

function fromRdsSecret(text: string, name: string): ClientConfig {
  let secret: RdsSecret;
  try {
    secret = JSON.parse(text) as RdsSecret;
  } catch {
    throw new SecretError(`${name} looks like JSON and is not`);
  }
  const { host, port = 5432, username, password, dbname = 'postgres' } = secret;
  if (!host || !username || !password) {
    throw new SecretError(`${name} lacks one of host, username and password`);
  }
  return { host, port, user: username, password, database: dbname };
}

/**
 * Where the connection parameters come from: the secret (read with the task role, re-read when Postgres refuses the
 * password), or a fixed URL.
 *
 * @throws {SecretError} when neither setting is given
 */
export function connectionSource(
  settings: { DATABASE_SECRET_ID?: string; DATABASE_URL?: string },
  client: SecretsManagerClient,
): Rotating<ClientConfig> {
  const { DATABASE_SECRET_ID: secretId, DATABASE_URL: url } = settings;
  if (secretId)
    return createSecret({ client, secretId, parse: (text) => parseConnection(text, `secret ${secretId}`) });
  if (!url) throw new SecretError('set DATABASE_SECRET_ID or DATABASE_URL');
  const fixed = Promise.resolve(parseConnection(url, 'DATABASE_URL'));
  return { current: () => fixed, refresh: () => fixed };
}
