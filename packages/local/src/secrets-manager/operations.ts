import { randomInt, randomUUID } from 'node:crypto';
import { SecretsManagerError } from './errors.ts';
import type { Input } from './input.ts';
import type { Secret, SecretStore, Version } from './secret-store.ts';
import { dropDeprecated, moveStage, requireVersion, updateStage, versionWith } from './staging.ts';

/** By the names that `X-Amz-Target` gives them. All are synchronous, so none sees another half done. */
export type Operations = Record<string, (input: Input) => object>;

export function openOperations({ secrets, save }: SecretStore, region: string): Operations {
  function find(id = ''): Secret {
    const found = secrets.get(id) ?? [...secrets.values()].find(({ arn }) => arn === id);
    if (!found) {
      throw new SecretsManagerError(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret.",
      );
    }
    return found;
  }

  /** The token is the version's id, so a repeated call finds its own version and changes nothing. */
  function addVersion(secret: Secret, input: Input, stages: string[]): string {
    const id = input.ClientRequestToken ?? randomUUID();
    const existing = Object.hasOwn(secret.versions, id) ? secret.versions[id] : undefined;
    if (existing) {
      requireSameValue(existing, input);
      return id;
    }
    const labels =
      versionWith(secret, 'AWSCURRENT') === undefined ? [...new Set([...stages, 'AWSCURRENT'])] : stages;
    secret.versions[id] = { ...valueOf(input), createdAt: now(), stages: [] };
    for (const stage of labels) moveStage(secret, stage, id);
    dropDeprecated(secret);
    secret.changedAt = now();
    return id;
  }

  const identify = ({ arn, name }: Secret): object => ({ ARN: arn, Name: name });

  return {
    CreateSecret(input) {
      const name = input.Name ?? '';
      if (!/^[\w/+=.@-]{1,512}$/.test(name)) {
        throw new SecretsManagerError('InvalidParameterException', 'Invalid name.');
      }
      const existing = secrets.get(name);
      if (existing) {
        const id = input.ClientRequestToken ?? '';
        if (!Object.hasOwn(existing.versions, id)) throw exists(`The secret ${name} already exists.`);
        requireSameValue(requireVersion(existing, id), input);
        return { ...identify(existing), VersionId: id };
      }
      const arn = `arn:aws:secretsmanager:${region}:000000000000:secret:${name}-${randomSuffix()}`;
      const secret: Secret = { name, arn, createdAt: now(), changedAt: now(), versions: {} };
      if (input.Description !== undefined) secret.description = input.Description;
      if (input.Tags !== undefined) secret.tags = input.Tags;
      const id = hasValue(input) ? addVersion(secret, input, ['AWSCURRENT']) : undefined;
      secrets.set(name, secret);
      save();
      return { ...identify(secret), VersionId: id };
    },

    GetSecretValue(input) {
      const secret = find(input.SecretId);
      const stage = input.VersionStage ?? 'AWSCURRENT';
      const id = input.VersionId ?? versionWith(secret, stage);
      if (id === undefined) {
        throw new SecretsManagerError(
          'ResourceNotFoundException',
          `Secrets Manager can't find the specified secret value for staging label: ${stage}`,
        );
      }
      const version = requireVersion(secret, id);
      if (input.VersionStage !== undefined && !version.stages.includes(input.VersionStage)) {
        throw new SecretsManagerError(
          'InvalidRequestException',
          `You provided a VersionStage that is not associated to the provided VersionId.`,
        );
      }
      return {
        ...identify(secret),
        VersionId: id,
        SecretString: version.secretString,
        SecretBinary: version.secretBinary,
        VersionStages: version.stages,
        CreatedDate: version.createdAt,
      };
    },

    PutSecretValue(input) {
      const secret = find(input.SecretId);
      if (!hasValue(input)) {
        throw new SecretsManagerError(
          'InvalidRequestException',
          'You must provide either SecretString or SecretBinary.',
        );
      }
      const id = addVersion(secret, input, input.VersionStages ?? ['AWSCURRENT']);
      save();
      return { ...identify(secret), VersionId: id, VersionStages: secret.versions[id]?.stages };
    },

    UpdateSecret(input) {
      const secret = find(input.SecretId);
      if (input.Description !== undefined) secret.description = input.Description;
      const id = hasValue(input) ? addVersion(secret, input, ['AWSCURRENT']) : undefined;
      save();
      return { ...identify(secret), VersionId: id };
    },

    UpdateSecretVersionStage(input) {
      const secret = find(input.SecretId);
      if (!input.VersionStage) {
        throw new SecretsManagerError('InvalidParameterException', 'VersionStage is missing.');
      }
      updateStage(secret, input.VersionStage, input.RemoveFromVersionId, input.MoveToVersionId);
      dropDeprecated(secret);
      secret.changedAt = now();
      save();
      return identify(secret);
    },

    DescribeSecret: (input) => describe(find(input.SecretId), 'VersionIdsToStages'),

    ListSecrets: () => ({
      SecretList: [...secrets.values()].map((secret) => describe(secret, 'SecretVersionsToStages')),
    }),

    DeleteSecret(input) {
      const secret = find(input.SecretId);
      secrets.delete(secret.name);
      save();
      return { ...identify(secret), DeletionDate: now() };
    },
  };
}

/** @param stages what the operation calls the versions' staging labels */
function describe(secret: Secret, stages: string): object {
  return {
    ARN: secret.arn,
    Name: secret.name,
    Description: secret.description,
    Tags: secret.tags,
    CreatedDate: secret.createdAt,
    LastChangedDate: secret.changedAt,
    [stages]: Object.fromEntries(
      Object.entries(secret.versions).map(([id, version]) => [id, version.stages]),
    ),
  };
}

function hasValue(input: Input): boolean {
  return input.SecretString !== undefined || input.SecretBinary !== undefined;
}

function valueOf({ SecretString, SecretBinary }: Input): Pick<Version, 'secretString' | 'secretBinary'> {
  return SecretString === undefined ? { secretBinary: SecretBinary ?? '' } : { secretString: SecretString };
}

function requireSameValue(version: Version, input: Input): void {
  const value = valueOf(input);
  if (version.secretString !== value.secretString || version.secretBinary !== value.secretBinary) {
    throw exists('A version with this ClientRequestToken already exists, with another value.');
  }
}

function exists(message: string): SecretsManagerError {
  return new SecretsManagerError('ResourceExistsException', message);
}

/** As AWS appends it to a name, so that a secret that is created again has another ARN. */
function randomSuffix(): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
  return Array.from({ length: 6 }, () => letters[randomInt(letters.length)]).join('');
}

function now(): number {
  return Date.now() / 1000;
}
