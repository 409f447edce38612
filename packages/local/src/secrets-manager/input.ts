import { notImplemented } from './errors.ts';

/** The members of Secrets Manager's inputs that this stand-in understands. */
export interface Input {
  Name?: string;
  SecretId?: string;
  ClientRequestToken?: string;
  SecretString?: string;
  SecretBinary?: string;
  Description?: string;
  Tags?: { Key: string; Value: string }[];
  VersionId?: string;
  VersionStage?: string;
  VersionStages?: string[];
  RemoveFromVersionId?: string;
  MoveToVersionId?: string;
}

const UNDERSTOOD: Record<keyof Input, true> = {
  Name: true,
  SecretId: true,
  ClientRequestToken: true,
  SecretString: true,
  SecretBinary: true,
  Description: true,
  Tags: true,
  VersionId: true,
  VersionStage: true,
  VersionStages: true,
  RemoveFromVersionId: true,
  MoveToVersionId: true,
};

/** Without meaning here: nothing is encrypted, and deleted is deleted. */
const WITHOUT_MEANING = new Set(['KmsKeyId', 'ForceDeleteWithoutRecovery', 'RecoveryWindowInDays']);

/** @throws SecretsManagerError when there is more in it than is understood; SyntaxError when it is no JSON object */
export function readInput(json: string): Input {
  const input: unknown = JSON.parse(json);
  if (typeof input !== 'object' || input === null) throw new SyntaxError('The input is not an object.');
  const unknown = Object.keys(input).find(
    (name) => !Object.hasOwn(UNDERSTOOD, name) && !WITHOUT_MEANING.has(name),
  );
  if (unknown !== undefined) throw notImplemented(unknown);
  return input;
}
