import { expect, test } from 'vitest';
import { evaluate } from '../support/cloudformation/evaluate.ts';
import { matchesGlob } from './least-privilege/glob.ts';
import { refOf } from '../support/cloudformation/physical.ts';
import { PIPELINE } from './scenarios.ts';
import { allStacks, resourcesIn } from './stacks.ts';
import { TEMPLATES } from './templates.ts';

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: { StringEquals?: Record<string, string | string[]> };
}

const STACK = { name: 'stowage-pipeline', region: 'us-east-1', accountId: '123456789012' };

const template = TEMPLATES.find(({ name }) => name === 'pipeline')?.template ?? { Resources: {} };
const pipeline = evaluate(template, { parameters: PIPELINE, stackName: STACK.name });
const role = pipeline.resources['CloudFormationRole']?.Properties as { ManagedPolicyArns: string[] };

/** What the role allows that CloudFormation has while it deploys the layers. */
const statements = Object.entries(pipeline.resources)
  .filter(([id, policy]) => role.ManagedPolicyArns.includes(refOf(id, policy, STACK)))
  .flatMap(([, { Properties }]) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement)
  .filter(({ Effect }) => Effect === 'Allow');

function allows(action: string, resource: string, passedTo?: string): boolean {
  return statements.some(
    ({ Action, Resource, Condition }) =>
      [Action].flat().some((pattern) => matchesGlob(pattern, action)) &&
      [Resource].flat().some((pattern) => matchesGlob(pattern, resource)) &&
      (passedTo === undefined ||
        [Condition?.StringEquals?.['iam:PassedToService'] ?? []].flat().includes(passedTo)),
  );
}

interface Role {
  Path?: string;
  AssumeRolePolicyDocument: { Statement: { Principal: { Service: string } }[] };
}

const stacks = allStacks();

test('a release may make every role that the layers have, and pass it to whom it is for', () => {
  const roles = resourcesIn<Role>(stacks, 'AWS::IAM::Role').map(({ ref, properties }) => ({
    arn: `arn:aws:iam::123456789012:role${properties.Path ?? '/'}${ref}`,
    service: properties.AssumeRolePolicyDocument.Statement[0]?.Principal.Service,
  }));
  expect(roles.length).toBeGreaterThan(0);
  expect(roles.filter(({ arn }) => !allows('iam:CreateRole', arn))).toEqual([]);
  expect(roles.filter(({ arn, service }) => !allows('iam:PassRole', arn, service))).toEqual([]);
});

/** How a resource is made, and under which name CloudFormation's call is judged. */
const MADE_BY: Record<string, (name: string) => [action: string, arn: string]> = {
  'AWS::CloudWatch::Alarm': (name) => ['cloudwatch:PutMetricAlarm', regional('cloudwatch', `alarm:${name}`)],
  'AWS::CloudWatch::Dashboard': (name) => [
    'cloudwatch:PutDashboard',
    `arn:aws:cloudwatch::123456789012:dashboard/${name}`,
  ],
  'AWS::DynamoDB::Table': (name) => ['dynamodb:CreateTable', regional('dynamodb', `table/${name}`)],
  'AWS::ECS::Cluster': (name) => ['ecs:CreateCluster', regional('ecs', `cluster/${name}`)],
  'AWS::Logs::LogGroup': (name) => ['logs:CreateLogGroup', regional('logs', `log-group:${name}`)],
  'AWS::RDS::DBCluster': (name) => ['rds:CreateDBCluster', regional('rds', `cluster:${name}`)],
  'AWS::RDS::DBInstance': (name) => ['rds:CreateDBInstance', regional('rds', `db:${name}`)],
  'AWS::S3::Bucket': (name) => ['s3:CreateBucket', `arn:aws:s3:::${name}`],
  'AWS::SNS::Topic': (name) => ['sns:CreateTopic', regional('sns', name)],
  'AWS::SQS::Queue': (name) => ['sqs:CreateQueue', regional('sqs', name)],
};

function regional(service: string, rest: string): string {
  return `arn:aws:${service}:us-east-1:123456789012:${rest}`;
}

test('a release may make what the layers have under the names that it has there', () => {
  const refused = resourcesIn(stacks, ...Object.keys(MADE_BY)).flatMap(({ where, ref, resource }) => {
    // Of a topic and a queue Ref gives an ARN and a URL, which end in the name.
    const name = resource.Type === 'AWS::Logs::LogGroup' ? ref : (ref.split(/[/:]/).at(-1) ?? '');
    const [action, arn] = MADE_BY[resource.Type]?.(name) ?? ['', ''];
    return allows(action, arn) ? [] : [`${where}: ${action} ${arn}`];
  });
  expect([...new Set(refused)]).toEqual([]);
});

test('a release may touch no role of the pipeline, which could then allow itself more', () => {
  const own = Object.values(pipeline.resources)
    .filter(({ Type }) => Type === 'AWS::IAM::Role' || Type === 'AWS::IAM::ManagedPolicy')
    .map(({ Properties }) => Properties['Path']);
  expect(new Set(own)).toEqual(new Set(['/stowage-pipeline/']));
  const arn = 'arn:aws:iam::123456789012:role/stowage-pipeline/stowage-pipeline-CloudFormationRole';
  for (const action of [
    'iam:PutRolePolicy',
    'iam:AttachRolePolicy',
    'iam:UpdateAssumeRolePolicy',
    'iam:DeleteRole',
  ]) {
    expect(allows(action, arn)).toBe(false);
  }
});
