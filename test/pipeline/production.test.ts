import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createCloudFormation } from './aws/cloudformation.ts';
import { serveAws, type RestRequest } from './aws/server.ts';
import { pathWithAws, run } from './run.ts';
import { createSource, type Source } from './source.ts';

/*
 * What keeps production's data, and how they go nevertheless, in order. Nothing runs here: services are stable as soon as
 * they are made, and a migration is over before it is looked at.
 */

const SHA = '0123456789abcdef0123456789abcdef01234567';
/** What an owner fills in. */
const OWNERS = {
  AuthIssuer: 'https://issuer.example.com',
  AuthAudience: 'stowage',
  CertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/1',
  DomainName: 'stowage.example.com',
};
const FILE = 'infra/environments/production.json';
const SNAPSHOT =
  'arn:aws:rds:us-east-1:123456789012:snapshot:stowage-production-database-snapshot-instance-1';

const cloudFormation = createCloudFormation({});
const task = { taskArn: 'arn:task/1', lastStatus: 'STOPPED', containers: [{ name: 'migrate', exitCode: 0 }] };
const service = {
  desiredCount: 1,
  runningCount: 1,
  deployments: [{ status: 'PRIMARY', rolloutState: 'COMPLETED' }],
};
const emptied: string[] = [];

let source: Source;
let aws: Awaited<ReturnType<typeof serveAws>>;
let asked = 0;

beforeAll(async () => {
  source = createSource({ installed: true });
  change(OWNERS);
  aws = await serveAws({
    hosts: ['127.0.0.1'],
    s3: bucket,
    services: {
      cloudformation: cloudFormation.operations,
      dynamodb: { UpdateTable: () => ({}), DeleteTable: () => ({}) },
      ecr: {
        BatchGetImage: () => ({
          images: [{ imageId: { imageDigest: `sha256:${'a'.repeat(64)}` } }],
          failures: [],
        }),
      },
      ecs: {
        RunTask: () => ({ tasks: [task], failures: [] }),
        DescribeTasks: () => ({ tasks: [task], failures: [] }),
        DescribeTaskDefinition: () => ({ taskDefinition: { containerDefinitions: [] } }),
        DescribeServices: () => ({ services: [service], failures: [] }),
      },
      elasticloadbalancing: { ModifyLoadBalancerAttributes: () => ({ Attributes: [] }) },
      iam: { CreateServiceLinkedRole: () => ({}) },
      logs: { DeleteLogGroup: () => ({}) },
      rds: {
        ModifyDBInstance: () => ({ DBInstance: {} }),
        DescribeDBSnapshots: () => ({
          DBSnapshots: [{ DBInstanceIdentifier: 'stowage-production', DBSnapshotArn: SNAPSHOT }],
        }),
        DescribeDBClusterSnapshots: () => ({ DBClusterSnapshots: [] }),
      },
      sqs: {
        GetQueueUrl: ({ QueueName }: { QueueName: string }) => ({ QueueUrl: `http://sqs/${QueueName}` }),
        DeleteQueue: () => ({}),
      },
      tagging: {
        GetResources: () => ({ ResourceTagMappingList: tagged().map((ResourceARN) => ({ ResourceARN })) }),
      },
    },
  });
});

afterAll(async () => {
  source.remove();
  await aws.close();
});

beforeEach(() => {
  asked = aws.calls.length;
});

test('what its owner has not filled in is told before anything is made, all at once', async () => {
  change({ AuthIssuer: '', CertificateArn: '' });
  const { status, output } = await script('deploy.ts', ['production']);

  expect(status).toBe(1);
  expect(output).toContain('production.json: set AuthIssuer, CertificateArn.');
  expect(operations()).not.toContain('CreateChangeSet');
  change(OWNERS);
});

test('stacks that hold production’s data are protected from deletion', async () => {
  const { status, output } = await script('deploy.ts', ['production']);

  expect({ status, output }).toMatchObject({ status: 0 });
  const isProtected = cloudFormation
    .stacks()
    .flatMap((stack) => (stack.terminationProtection ? [stack.name] : []));
  expect(isProtected).toEqual(['stowage-production-storage', 'stowage-production-database']);
});

test('a change that would replace the table is shown, and refused', async () => {
  change({ TableName: 'stowage-production-another' });
  const { status, output } = await script('deploy.ts', ['production']);

  expect(status).toBe(1);
  expect(output).toContain('modify DatasetsTable (AWS::DynamoDB::Table), replaced');
  expect(output).toContain('stowage-production-storage would lose DatasetsTable');
  expect(operations()).not.toContain('ExecuteChangeSet');
});

test('it is done for who says that it is meant', async () => {
  const { output } = await script('deploy.ts', ['production'], { ALLOW_REPLACEMENT: 'true' });

  expect(output).toContain('update complete DatasetsTable');
});

test('a misspelt parameter is refused before anything is done', async () => {
  change({ ApiMinTask: '4' });
  const { status, output } = await script('deploy.ts', ['production']);
  change({ ApiMinTask: undefined });

  expect(status).toBe(1);
  expect(output).toContain('no template has a parameter ApiMinTask');
  expect(operations()).not.toContain('CreateChangeSet');
});

test('production is not torn down by saying it once, nor by another answer', async () => {
  const once = await script('teardown.ts', ['production']);
  expect(once.status).toBe(1);
  expect(once.output).toContain('this is production');

  const unsure = await script('teardown.ts', ['production', 'production'], {}, 'yes\n');
  expect(unsure.status).toBe(1);
  expect(unsure.output).toContain('nothing was deleted');
  expect(operations()).not.toContain('DeleteStack');
});

test('an environment is torn down with what its stacks retain, and the rest is listed', async () => {
  const { status, output } = await script('teardown.ts', ['production', 'production'], {}, 'production\n');

  expect({ status, output }).toMatchObject({ status: 0 });
  expect(cloudFormation.stacks().filter(({ status: left }) => left !== 'DELETE_COMPLETE')).toEqual([]);
  expect(operations()).toEqual(
    expect.arrayContaining([
      'ModifyDBInstance',
      'ModifyLoadBalancerAttributes',
      'DeleteTable',
      'DeleteQueue',
    ]),
  );
  expect(emptied).toEqual(
    expect.arrayContaining([expect.stringMatching(/^\/stowage-production-storage-uploads/)]),
  );
  expect(emptied.join()).not.toContain('somebody');
  expect(output.slice(output.indexOf('AWS still has this'))).toContain(SNAPSHOT);
});

function script(name: string, args: string[], variables: Record<string, string> = {}, input = '') {
  return run('node', {
    cwd: source.root,
    args: [`scripts/${name}`, ...args],
    input,
    env: {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${aws.port}`,
      AWS_ACCESS_KEY_ID: 'person',
      AWS_SECRET_ACCESS_KEY: 'person',
      AWS_DEFAULT_REGION: 'us-east-1',
      PATH: pathWithAws(),
      POLL_SECONDS: '0.5',
      GIT_SHA: SHA,
      API_REPOSITORY: '123456789012.dkr.ecr.us-east-1.amazonaws.com/stowage-api',
      WORKER_REPOSITORY: '123456789012.dkr.ecr.us-east-1.amazonaws.com/stowage-worker',
      SMOKE_URL: 'none',
      ...variables,
    },
  });
}

const operations = (): string[] => aws.calls.slice(asked).map(({ operation }) => operation);

/** Sets or removes parameters of production. */
function change(parameters: Record<string, string | undefined>): void {
  const { Parameters, ...rest } = JSON.parse(source.read(FILE)) as { Parameters: object };
  source.write(FILE, JSON.stringify({ Parameters: { ...Parameters, ...parameters }, ...rest }));
}

/** What the deletion of stacks has skipped, and a bucket that has the tags without being ours. */
function tagged(): string[] {
  const skipped = cloudFormation
    .stacks()
    .flatMap(({ events }) => events.filter(({ ResourceStatus }) => ResourceStatus === 'DELETE_SKIPPED'));
  const arns = skipped.flatMap(({ ResourceType, PhysicalResourceId: id }) => {
    if (ResourceType === 'AWS::S3::Bucket') return `arn:aws:s3:::${id}`;
    if (ResourceType === 'AWS::DynamoDB::Table') return `arn:aws:dynamodb:us-east-1:123456789012:table/${id}`;
    if (ResourceType === 'AWS::SQS::Queue')
      return `arn:aws:sqs:us-east-1:123456789012:${id.split('/').at(-1)}`;
    return [];
  });
  return [...arns, 'arn:aws:s3:::somebody-else'];
}

/** S3 of buckets with one object, until that is deleted. */
function bucket({ method, url, body }: RestRequest): [number, string] {
  const name = url.pathname;
  if (method === 'POST' && body.includes('file')) emptied.push(name);
  if (method === 'GET' && url.searchParams.has('versions') && !emptied.includes(name)) {
    const version = '<Version><Key>file</Key><VersionId>1</VersionId><IsLatest>true</IsLatest></Version>';
    return [200, `<ListVersionsResult>${version}</ListVersionsResult>`];
  }
  if (method === 'GET') return [200, '<Result></Result>'];
  if (method === 'POST') return [200, '<DeleteResult></DeleteResult>'];
  return [204, ''];
}
