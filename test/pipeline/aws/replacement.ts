import { isDeepStrictEqual } from 'node:util';
import type { EvaluatedResource } from '../../support/cloudformation/evaluate.ts';

/**
 * Properties that CloudFormation can change only by making the resource anew (`createOnlyProperties` of the resource
 * types' schemas), of the types where that matters to a release.
 */
const CREATE_ONLY: Readonly<Record<string, readonly string[]>> = {
  'AWS::DynamoDB::Table': ['TableName', 'KeySchema'],
  'AWS::ECS::Service': ['Cluster', 'LaunchType', 'ServiceName', 'SchedulingStrategy'],
  'AWS::ECS::TaskDefinition': ['*'],
  'AWS::RDS::DBCluster': ['DBClusterIdentifier', 'DatabaseName', 'DBSubnetGroupName', 'StorageEncrypted'],
  'AWS::RDS::DBInstance': [
    'DBInstanceIdentifier',
    'DBName',
    'DBSubnetGroupName',
    'MasterUsername',
    'StorageEncrypted',
  ],
  'AWS::S3::Bucket': ['BucketName'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'AWS::SecretsManager::Secret': ['Name'],
};

export function mustReplace(before: EvaluatedResource, after: EvaluatedResource): boolean {
  if (before.Type !== after.Type) return true;
  return (CREATE_ONLY[after.Type] ?? []).some(
    (name) => name === '*' || !isDeepStrictEqual(before.Properties[name], after.Properties[name]),
  );
}
