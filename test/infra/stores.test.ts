import { expect, test } from 'vitest';
import { allStacks, resourcesIn } from './stacks.ts';
import { resources } from './templates.ts';

const stacks = allStacks();

/** What holds data that nobody can make again. */
const STORES = [
  'AWS::DynamoDB::Table',
  'AWS::ECR::Repository',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::S3::Bucket',
  'AWS::SQS::Queue',
];

/** RetainExceptOnCreate keeps what a stack had, and leaves nothing of one that could not be made. */
const KEEPING = new Set(['Retain', 'RetainExceptOnCreate', 'Snapshot']);

/** Stores whose content is in another one, or can be made again. */
const DISPENSABLE: Record<string, string> = {
  'database.yml ClusterWriter': 'the data are the cluster’s',
  'database.yml ClusterStandby': 'the data are the cluster’s',
  'pipeline.yml Artifacts': 'copies of commits, which expire',
};

test('what holds data outlives its stack, and its own replacement', () => {
  const lost = resources(...STORES).filter(
    ({ where, resource: { DeletionPolicy = 'Delete', UpdateReplacePolicy = 'Delete' } }) =>
      !(where in DISPENSABLE) && !(KEEPING.has(DeletionPolicy) && KEEPING.has(UpdateReplacePolicy)),
  );
  expect(lost.map(({ where }) => where)).toEqual([]);
});

test('a first creation that failed leaves nothing with a name that the next one wants', () => {
  const names = ['LogGroupName', 'QueueName', 'RepositoryName'];
  const inTheWay = resources().filter(
    ({ resource: { DeletionPolicy, Properties = {} } }) =>
      DeletionPolicy === 'Retain' && names.some((name) => name in Properties),
  );
  expect(inTheWay.map(({ where }) => where)).toEqual([]);
});

test('whatever has one of the two policies has both', () => {
  const half = resources().filter(
    ({ resource: { DeletionPolicy, UpdateReplacePolicy } }) =>
      (DeletionPolicy === undefined) !== (UpdateReplacePolicy === undefined),
  );
  expect(half.map(({ where }) => where)).toEqual([]);
});

test('every exception is needed', () => {
  const stores = new Set(resources(...STORES).map(({ where }) => where));
  expect(Object.keys(DISPENSABLE).filter((where) => !stores.has(where))).toEqual([]);
});

test('databases are encrypted, private, backed up, and their administrator’s password is RDS’s business', () => {
  const databases = resourcesIn(stacks, 'AWS::RDS::DBInstance', 'AWS::RDS::DBCluster').filter(
    // An instance of a cluster takes these from it.
    ({ properties, resource }) =>
      resource.Type === 'AWS::RDS::DBCluster' || !('DBClusterIdentifier' in properties),
  );
  expect(databases.length).toBeGreaterThan(0);
  for (const { properties } of databases) {
    expect(properties).toMatchObject({ StorageEncrypted: true, ManageMasterUserPassword: true });
    expect(Number(properties['BackupRetentionPeriod'])).toBeGreaterThan(0);
  }
  for (const { properties } of resourcesIn(stacks, 'AWS::RDS::DBInstance')) {
    expect(properties['PubliclyAccessible']).toBe(false);
  }
});

test('databases refuse connections without TLS', () => {
  const groups = resourcesIn<{ Parameters: Record<string, string> }>(
    stacks,
    'AWS::RDS::DBParameterGroup',
    'AWS::RDS::DBClusterParameterGroup',
  );
  expect(groups.length).toBeGreaterThan(0);
  expect(groups.filter(({ properties }) => properties.Parameters['rds.force_ssl'] !== '1')).toEqual([]);
});

test('buckets are nobody’s but the account’s, and are spoken to over TLS only', () => {
  const buckets = resourcesIn(stacks, 'AWS::S3::Bucket');
  const policies = resourcesIn<{ Bucket: string; PolicyDocument: object }>(stacks, 'AWS::S3::BucketPolicy');
  for (const { ref, stack, properties } of buckets) {
    expect(properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
    });
    const policy = policies.find((found) => found.stack === stack && found.properties.Bucket === ref);
    expect(JSON.stringify(policy?.properties.PolicyDocument)).toContain('"aws:SecureTransport":"false"');
  }
});
