import { SecretsManagerError } from './errors.ts';
import type { Secret, Version } from './secret-store.ts';

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/** The id of the version that carries a staging label, if any does. */
export function versionWith(secret: Secret, stage: string): string | undefined {
  return Object.entries(secret.versions).find(([, version]) => version.stages.includes(stage))?.[0];
}

/**
 * Moves a label to a version. What AWSCURRENT leaves becomes AWSPREVIOUS.
 *
 * @param to undefined takes the label off
 */
export function moveStage(secret: Secret, stage: string, to: string | undefined): void {
  const from = versionWith(secret, stage);
  if (from === to) return;
  const source = from === undefined ? undefined : secret.versions[from];
  if (source) source.stages = source.stages.filter((name) => name !== stage);
  if (to !== undefined) requireVersion(secret, to).stages.push(stage);
  if (stage === CURRENT && from !== undefined) moveStage(secret, PREVIOUS, from);
}

/** Versions without a label are deprecated; AWS deletes them some time, this stand-in at once. */
export function dropDeprecated(secret: Secret): void {
  for (const [id, { stages }] of Object.entries(secret.versions)) {
    if (stages.length === 0) delete secret.versions[id];
  }
}

/** @throws SecretsManagerError ResourceNotFoundException */
export function requireVersion(secret: Secret, id: string): Version {
  const version = Object.hasOwn(secret.versions, id) ? secret.versions[id] : undefined;
  if (!version) {
    throw new SecretsManagerError(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for VersionId: ${id}`,
    );
  }
  return version;
}

/**
 * Moves a label for a caller, who must name the version that has it now: so two rotations cannot undo each other.
 *
 * @throws SecretsManagerError
 */
export function updateStage(
  secret: Secret,
  stage: string,
  from: string | undefined,
  to: string | undefined,
): void {
  const holder = versionWith(secret, stage);
  if (to !== undefined) requireVersion(secret, to);
  if (from !== undefined) requireVersion(secret, from);
  const isMove = to === undefined || (holder !== undefined && holder !== to);
  if (isMove && from !== holder) {
    throw new SecretsManagerError(
      'InvalidParameterException',
      `The staging label ${stage} is on the version ${holder ?? '(none)'}: RemoveFromVersionId must name it.`,
    );
  }
  if (to === undefined && stage === CURRENT) {
    throw new SecretsManagerError(
      'InvalidParameterException',
      `You can only move staging label ${CURRENT} to a different secret version. It can't be completely removed.`,
    );
  }
  moveStage(secret, stage, to);
}
