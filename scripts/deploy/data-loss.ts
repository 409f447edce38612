import type { Change } from './change-set.ts';

/** Resources that hold what cannot be made again. */
const HOLDS_DATA = new Set([
  'AWS::DynamoDB::Table',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::S3::Bucket',
  'AWS::SecretsManager::Secret',
  'AWS::SQS::Queue',
]);

/**
 * The changes after which the application would no longer have its data: retained and snapshotted data are still there,
 * but with nothing that uses them.
 */
export function losesData(changes: readonly Change[]): Change[] {
  return changes.filter(
    ({ Action, ResourceType, Replacement = 'False' }) =>
      HOLDS_DATA.has(ResourceType) &&
      (Action === 'Remove' || (Action === 'Modify' && Replacement !== 'False')),
  );
}
