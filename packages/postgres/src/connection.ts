import { parseIntoClientConfig } from 'pg-connection-string';
import type { ClientConfig } from 'pg';
import { createSecret, type Rotating, SecretError } from '@stowage/runtime';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { DatabaseSettings } from './settings.ts';
import { verifiedTls } from './tls.ts';

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
  if (trimmed.startsWith('{')) {
    const connection = fromJson(trimmed, name);
    if (connection.host && connection.user && connection.password) return connection;
    throw new SecretError(`${name} lacks one of host, username and password`);
  }
  if (!/^postgres(ql)?:\/\//.test(trimmed)) {
    throw new SecretError(`${name} is neither a postgres:// URL nor RDS’s JSON`);
  }
  try {
    return parseIntoClientConfig(trimmed);
  } catch {
    throw new SecretError(`${name} is a malformed postgres:// URL`);
  }
}

/** Who connects. */
export interface Login {
  user: string;
  password: string;
}

/**
 * Reads user and password from what {@link parseConnection} reads, or from JSON with nothing else, as RDS keeps the
 * login of the master user that it manages.
 *
 * @param name what to call the text in an error; the text itself is never shown
 * @throws {SecretError} when one of them is missing
 */
export function parseLogin(text: string, name: string): Login {
  const trimmed = text.trim();
  return loginOf(trimmed.startsWith('{') ? fromJson(trimmed, name) : parseConnection(trimmed, name), name);
}

/** @throws {SecretError} when the connection lacks user or password */
export function loginOf({ user, password }: Pick<ClientConfig, 'user' | 'password'>, name: string): Login {
  if (!user || typeof password !== 'string' || !password) {
    throw new SecretError(`${name} lacks one of username and password`);
  }
  return { user, password };
}

function fromJson(text: string, name: string): ClientConfig {
  let secret: RdsSecret;
  try {
    secret = JSON.parse(text) as RdsSecret;
  } catch {
    throw new SecretError(`${name} looks like JSON and is not`);
  }
  const { host, port = 5432, username, password, dbname = 'postgres' } = secret;
  return { host, port, user: username, password, database: dbname };
}

/**
 * Where the connection parameters come from: the secret (read with the task role, re-read when Postgres refuses the
 * password), or a fixed URL.
 *
 * @throws {SecretError} when neither setting is given
 */
export function connectionSource(
  settings: DatabaseSettings,
  client: SecretsManagerClient,
): Rotating<ClientConfig> {
  const { DATABASE_SECRET_ID: secretId, DATABASE_URL: url, DATABASE_TLS: tls } = settings;
  const secured = tls === 'verify-full' ? verifiedTls() : (connection: ClientConfig) => connection;
  const parse = (text: string, name: string) => secured(parseConnection(text, name), name);
  if (secretId) return createSecret({ client, secretId, parse: (text) => parse(text, `secret ${secretId}`) });
  if (!url) throw new SecretError('set DATABASE_SECRET_ID or DATABASE_URL');
  const fixed = Promise.resolve(parse(url, 'DATABASE_URL'));
  return { current: () => fixed, refresh: () => fixed, pending: () => Promise.resolve(undefined) };
}
