import { createHash } from 'node:crypto';

/** Where a stack stands, as its pseudo parameters say. */
export interface Stack {
  name: string;
  region: string;
  accountId: string;
}

/** A resource as far as its identifiers depend on it. */
interface Identified {
  Type: string;
  Properties: Record<string, unknown>;
}

/** The property that names a resource, where its type has one. */
const NAME_PROPERTY: Record<string, string> = {
  'AWS::AutoScaling::AutoScalingGroup': 'AutoScalingGroupName',
  'AWS::ApplicationAutoScaling::ScalingPolicy': 'PolicyName',
  'AWS::CloudWatch::Alarm': 'AlarmName',
  'AWS::CloudWatch::CompositeAlarm': 'AlarmName',
  'AWS::CloudWatch::Dashboard': 'DashboardName',
  'AWS::CodeBuild::Project': 'Name',
  'AWS::CodeConnections::Connection': 'ConnectionName',
  'AWS::CodePipeline::Pipeline': 'Name',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::ECR::Repository': 'RepositoryName',
  'AWS::ECS::CapacityProvider': 'Name',
  'AWS::ECS::Cluster': 'ClusterName',
  'AWS::ECS::Service': 'ServiceName',
  'AWS::ECS::TaskDefinition': 'Family',
  'AWS::ElasticLoadBalancingV2::LoadBalancer': 'Name',
  'AWS::ElasticLoadBalancingV2::TargetGroup': 'Name',
  'AWS::Events::Rule': 'Name',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::Role': 'RoleName',
  'AWS::Lambda::Function': 'FunctionName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::RDS::DBCluster': 'DBClusterIdentifier',
  'AWS::RDS::DBInstance': 'DBInstanceIdentifier',
  'AWS::RDS::DBSubnetGroup': 'DBSubnetGroupName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SNS::Topic': 'TopicName',
  'AWS::SQS::Queue': 'QueueName',
  'AWS::SecretsManager::Secret': 'Name',
};

/** Prefixes of EC2's identifiers. */
const EC2_PREFIX: Record<string, string> = {
  'AWS::EC2::FlowLog': 'fl-',
  'AWS::EC2::InternetGateway': 'igw-',
  'AWS::EC2::LaunchTemplate': 'lt-',
  'AWS::EC2::NatGateway': 'nat-',
  'AWS::EC2::RouteTable': 'rtb-',
  'AWS::EC2::SecurityGroup': 'sg-',
  'AWS::EC2::SecurityGroupEgress': 'sgr-',
  'AWS::EC2::SecurityGroupIngress': 'sgr-',
  'AWS::EC2::Subnet': 'subnet-',
  'AWS::EC2::VPC': 'vpc-',
  'AWS::EC2::VPCEndpoint': 'vpce-',
};

/** Types whose names may not have capitals. */
const LOWER_CASE = new Set([
  'AWS::ECR::Repository',
  'AWS::RDS::DBCluster',
  'AWS::RDS::DBInstance',
  'AWS::S3::Bucket',
]);

/** What follows service, region and account in an ARN. */
const ARN: Record<string, (name: string, digits: string) => [service: string, rest: string]> = {
  'AWS::ApplicationAutoScaling::ScalingPolicy': (name, digits) => [
    'autoscaling',
    `scalingPolicy:${digits}:policyName/${name}`,
  ],
  'AWS::AutoScaling::AutoScalingGroup': (name, digits) => [
    'autoscaling',
    `autoScalingGroup:${digits}:autoScalingGroupName/${name}`,
  ],
  'AWS::CloudWatch::Alarm': (name) => ['cloudwatch', `alarm:${name}`],
  'AWS::CloudWatch::CompositeAlarm': (name) => ['cloudwatch', `alarm:${name}`],
  'AWS::CodeBuild::Project': (name) => ['codebuild', `project/${name}`],
  'AWS::CodeConnections::Connection': (_name, digits) => ['codeconnections', `connection/${digits}`],
  'AWS::CodePipeline::Pipeline': (name) => ['codepipeline', name],
  'AWS::DynamoDB::Table': (name) => ['dynamodb', `table/${name}`],
  'AWS::ECR::Repository': (name) => ['ecr', `repository/${name}`],
  'AWS::ECS::CapacityProvider': (name) => ['ecs', `capacity-provider/${name}`],
  'AWS::ECS::Cluster': (name) => ['ecs', `cluster/${name}`],
  'AWS::ECS::TaskDefinition': (name) => ['ecs', `task-definition/${name}:1`],
  'AWS::ElasticLoadBalancingV2::Listener': (name, digits) => [
    'elasticloadbalancing',
    `listener/app/${name.slice(0, 32)}/${digits.slice(0, 16)}/${digits.slice(1, 17)}`,
  ],
  'AWS::ElasticLoadBalancingV2::ListenerRule': (name, digits) => [
    'elasticloadbalancing',
    `listener-rule/app/${name.slice(0, 32)}/${digits.slice(0, 16)}/${digits.slice(1, 17)}/${digits.slice(2, 18)}`,
  ],
  'AWS::ElasticLoadBalancingV2::LoadBalancer': (name, digits) => [
    'elasticloadbalancing',
    `loadbalancer/app/${name.slice(0, 32)}/${digits.slice(0, 16)}`,
  ],
  'AWS::ElasticLoadBalancingV2::TargetGroup': (name, digits) => [
    'elasticloadbalancing',
    `targetgroup/${name.slice(0, 32)}/${digits.slice(0, 16)}`,
  ],
  'AWS::Events::Rule': (name) => ['events', `rule/${name}`],
  'AWS::KMS::Key': (_name, digits) => ['kms', `key/${digits}`],
  'AWS::Lambda::Function': (name) => ['lambda', `function:${name}`],
  'AWS::Logs::LogGroup': (name) => ['logs', `log-group:${name}:*`],
  'AWS::RDS::DBCluster': (name) => ['rds', `cluster:${name}`],
  'AWS::RDS::DBInstance': (name) => ['rds', `db:${name}`],
  'AWS::SNS::Topic': (name) => ['sns', name],
  'AWS::SQS::Queue': (name) => ['sqs', name],
  'AWS::SecretsManager::Secret': (name, digits) => ['secretsmanager', `secret:${name}-${digits.slice(0, 6)}`],
};

/** Types whose `Ref` is their ARN. */
const REF_IS_ARN = new Set([
  'AWS::ApplicationAutoScaling::ScalingPolicy',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CodeConnections::Connection',
  'AWS::ECS::Service',
  'AWS::ECS::TaskDefinition',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::ListenerRule',
  'AWS::ElasticLoadBalancingV2::LoadBalancer',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
  'AWS::IAM::ManagedPolicy',
  'AWS::SNS::Topic',
  'AWS::SecretsManager::Secret',
]);

export function stackId({ name, region, accountId }: Stack): string {
  const digits = createHash('sha256').update(name).digest('hex');
  const uuid = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20, 32),
  ];
  return `arn:aws:cloudformation:${region}:${accountId}:stack/${name}/${uuid.join('-')}`;
}

/** What `Ref` plausibly gives for a resource: always the same for the same stack and logical id. */
export function refOf(logicalId: string, resource: Identified, stack: Stack): string {
  const { Type } = resource;
  const name = nameOf(logicalId, resource, stack);
  const prefix = EC2_PREFIX[Type];
  if (prefix) return `${prefix}${digitsOf(logicalId, stack)}`;
  if (REF_IS_ARN.has(Type)) return arnOf(logicalId, resource, stack);
  if (Type === 'AWS::SQS::Queue')
    return `https://sqs.${stack.region}.amazonaws.com/${stack.accountId}/${name}`;
  // The secret's ARN.
  if (Type === 'AWS::SecretsManager::SecretTargetAttachment')
    return textOf(resource.Properties['SecretId'], name);
  if (Type === 'AWS::EC2::EIP') return '203.0.113.10';
  if (Type === 'AWS::KMS::Key') return digitsOf(logicalId, stack);
  return name;
}

/** What `Fn::GetAtt` plausibly gives for a resource's attribute. */
export function attributeOf(
  logicalId: string,
  attribute: string,
  resource: Identified,
  stack: Stack,
): string | string[] {
  const { Type, Properties } = resource;
  const name = nameOf(logicalId, resource, stack);
  const arn = (): string => arnOf(logicalId, resource, stack);
  const digits = digitsOf(logicalId, stack);
  switch (`${Type}.${attribute}`) {
    case 'AWS::EC2::EIP.AllocationId':
      return `eipalloc-${digits}`;
    case 'AWS::EC2::LaunchTemplate.LatestVersionNumber':
    case 'AWS::EC2::LaunchTemplate.DefaultVersionNumber':
      return '1';
    case 'AWS::EC2::SecurityGroup.GroupId':
      return `sg-${digits}`;
    case 'AWS::EC2::VPC.CidrBlock':
    case 'AWS::EC2::Subnet.AvailabilityZone':
      return String(Properties[attribute]);
    case 'AWS::ECS::Service.Name':
    case 'AWS::SQS::Queue.QueueName':
    case 'AWS::SNS::Topic.TopicName':
      return name;
    case 'AWS::ElasticLoadBalancingV2::LoadBalancer.DNSName':
      return `${name.toLowerCase()}-${digits.slice(0, 10)}.${stack.region}.elb.amazonaws.com`;
    case 'AWS::ElasticLoadBalancingV2::LoadBalancer.LoadBalancerFullName':
      return arn().slice(arn().indexOf('loadbalancer/') + 'loadbalancer/'.length);
    case 'AWS::ElasticLoadBalancingV2::TargetGroup.TargetGroupFullName':
      return arn().slice(arn().indexOf('targetgroup/'));
    case 'AWS::RDS::DBCluster.Endpoint.Address':
    case 'AWS::RDS::DBInstance.Endpoint.Address':
      return `${name}.abcdefghijkl.${stack.region}.rds.amazonaws.com`;
    case 'AWS::RDS::DBCluster.Endpoint.Port':
    case 'AWS::RDS::DBInstance.Endpoint.Port':
      return '5432';
    case 'AWS::RDS::DBCluster.MasterUserSecret.SecretArn':
    case 'AWS::RDS::DBInstance.MasterUserSecret.SecretArn':
      return `arn:aws:secretsmanager:${stack.region}:${stack.accountId}:secret:rds!${Type.endsWith('Cluster') ? 'cluster' : 'db'}-${digits}-${digits.slice(0, 6)}`;
    default:
      // cfn-lint knows which attributes a type has; here any has some value.
      return attribute === 'Arn' || /(^|:)[A-Za-z]+Arn$/.test(attribute) ? arn() : `${name}-${attribute}`;
  }
}

function nameOf(logicalId: string, { Type, Properties }: Identified, stack: Stack): string {
  const property = NAME_PROPERTY[Type];
  const given = property && Properties[property];
  if (typeof given === 'string' && given !== '') return given;
  const name = `${stack.name}-${logicalId}`;
  return LOWER_CASE.has(Type) ? name.toLowerCase() : name;
}

function arnOf(logicalId: string, resource: Identified, stack: Stack): string {
  const { Type, Properties } = resource;
  const { region, accountId } = stack;
  const name = nameOf(logicalId, resource, stack);
  const digits = digitsOf(logicalId, stack);
  if (Type === 'AWS::S3::Bucket') return `arn:aws:s3:::${name}`;
  const iam = /^AWS::IAM::(Role|ManagedPolicy|InstanceProfile|User|Group)$/.exec(Type)?.[1];
  if (iam) {
    const kind =
      iam === 'ManagedPolicy' ? 'policy' : iam === 'InstanceProfile' ? 'instance-profile' : iam.toLowerCase();
    return `arn:aws:iam::${accountId}:${kind}${textOf(Properties['Path'], '/')}${name}`;
  }
  if (Type === 'AWS::ECS::Service') {
    const cluster = textOf(Properties['Cluster'], 'default').replace(/^.*\//, '');
    return `arn:aws:ecs:${region}:${accountId}:service/${cluster}/${name}`;
  }
  const service = Type.split('::')[1]?.toLowerCase() ?? '';
  const [owner, rest] = ARN[Type]?.(name, digits) ?? [service, name];
  return `arn:aws:${owner}:${region}:${accountId}:${rest}`;
}

/** Seventeen hexadecimal digits, as EC2's identifiers have. */
function digitsOf(logicalId: string, stack: Stack): string {
  return createHash('sha256').update(`${stack.name}/${logicalId}`).digest('hex').slice(0, 17);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
