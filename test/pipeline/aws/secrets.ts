import { randomUUID } from 'node:crypto';
import { Fault } from './fault.ts';
import type { Provider } from './cloudformation.ts';

/** Secrets Manager: what templates have made, and what RDS keeps for a database's administrator. */
export function createSecrets() {
  const values = new Map<string, Record<string, unknown>>();

  function find(arn: string): Record<string, unknown> {
    const value = values.get(arn);
    if (!value) throw new Fault('ResourceNotFoundException', `there is no secret ${arn}`);
    return value;
  }

  const secret: Provider = {
    async provide({ physicalId, resource }) {
      const { SecretStringTemplate = '{}', GenerateStringKey = 'password' } = (resource.Properties[
        'GenerateSecretString'
      ] ?? {}) as { SecretStringTemplate?: string; GenerateStringKey?: string };
      const made = { ...JSON.parse(SecretStringTemplate), [GenerateStringKey]: randomUUID() };
      if (!values.has(physicalId)) values.set(physicalId, made);
    },
    async remove({ physicalId }) {
      values.delete(physicalId);
    },
  };

  return {
    secret,
    put: (arn: string, value: Record<string, unknown>): void => void values.set(arn, value),
    /** Adds to a secret what its database's address is, as a SecretTargetAttachment does. */
    attach: (arn: string, database: Record<string, unknown>): void =>
      void values.set(arn, { ...find(arn), ...database }),
    text: (arn: string): string => JSON.stringify(find(arn)),
    operations: {
      GetSecretValue: ({ SecretId }: { SecretId: string }) => ({
        ARN: SecretId,
        Name: SecretId,
        VersionId: 'fake',
        SecretString: JSON.stringify(find(SecretId)),
      }),
    },
  };
}

export type Secrets = ReturnType<typeof createSecrets>;
