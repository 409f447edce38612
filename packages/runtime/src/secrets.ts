import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** A secret cannot be read or used; the message says which and why, never what it holds. */
export class SecretError extends Error {
  override name = 'SecretError';
}

/** A value that may change while the process runs. */
export interface Rotating<T> {
  /** The value as last read. */
  current: () => Promise<T>;
  /** Reads it again; concurrent callers share one read. */
  refresh: () => Promise<T>;
  /** Reads the value that a rotation under way is about to make the current one; undefined when none is under way. */
  pending: () => Promise<T | undefined>;
}

/**
 * A secret read from Secrets Manager with the task role, kept until somebody has reason to think it was rotated.
 *
 * @param parse turns the secret's text into what the caller needs; throws {@link SecretError} when it is malformed
 */
export function createSecret<T>(options: {
  client: SecretsManagerClient;
  secretId: string;
  parse: (text: string) => T;
}): Rotating<T> {
  const { client, secretId, parse } = options;
  const read = async (stage: 'AWSCURRENT' | 'AWSPENDING') => {
    const secret = await client
      .send(new GetSecretValueCommand({ SecretId: secretId, VersionStage: stage }))
      .catch((error: Error) => {
        throw new SecretError(`secret ${secretId} cannot be read: ${error.name}: ${error.message}`, {
          cause: error,
        });
      });
    if (secret.SecretString === undefined) throw new SecretError(`secret ${secretId} is binary, not text`);
    return parse(secret.SecretString);
  };
  let cached: Promise<T> | undefined;
  let reading: Promise<T> | undefined;
  const refresh = () => {
    reading ??= read('AWSCURRENT').finally(() => (reading = undefined));
    const fresh = reading;
    // A read that fails must not replace a value that may still be good.
    void fresh.then(
      () => (cached = fresh),
      () => undefined,
    );
    return fresh;
  };
  const pending = () =>
    read('AWSPENDING').catch((error: Error) => {
      if ((error.cause as Error | undefined)?.name === 'ResourceNotFoundException') return undefined;
      throw error;
    });
  return { current: () => cached ?? refresh(), refresh, pending };
}
