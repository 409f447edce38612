import { type Environment, evaluateEnvironment } from '../../../test/support/cloudformation/environment.ts';
import type { EvaluatedResource } from '../../../test/support/cloudformation/evaluate.ts';
import { databaseClass, HOURS, instanceType, PRICES, SPOT_SHARE } from './prices.ts';

/** What a part of an environment costs a month while nothing happens. */
export interface Line {
  what: string;
  /** How many or how large; empty for one. */
  size: string;
  dollars: number;
}

interface Tasks {
  service: string;
  count: number;
  vcpu: number;
  /** In GB; AWS means GiB. */
  memory: number;
  provider: string;
  arm: boolean;
}

/** What Container Insights reports by itself. Those of `enhanced` are a rough count of the metrics documented. */
const INSIGHTS = {
  enabled: { price: PRICES.insightsMetric.dollars, cluster: 8, service: 11, family: 6, task: 0 },
  enhanced: { price: PRICES.enhancedMetric.dollars, cluster: 30, service: 30, family: 30, task: 40 },
};

/** Resources that cost nothing by being there; some do by what is put into them or sent through them. */
const FREE = new Set(
  [
    'ApplicationAutoScaling::ScalableTarget',
    'DynamoDB::Table',
    'EC2::FlowLog',
    'EC2::InternetGateway',
    'EC2::LaunchTemplate',
    'EC2::Route',
    'EC2::RouteTable',
    'EC2::SecurityGroup',
    'EC2::SecurityGroupIngress',
    'EC2::Subnet',
    'EC2::SubnetRouteTableAssociation',
    'EC2::VPC',
    'EC2::VPCGatewayAttachment',
    'ECS::CapacityProvider',
    'ECS::ClusterCapacityProviderAssociations',
    'ECS::Service',
    'ECS::TaskDefinition',
    'ElasticLoadBalancingV2::Listener',
    'ElasticLoadBalancingV2::ListenerRule',
    'ElasticLoadBalancingV2::TargetGroup',
    'IAM::InstanceProfile',
    'IAM::Role',
    'Logs::LogGroup',
    'RDS::DBClusterParameterGroup',
    'RDS::DBParameterGroup',
    'RDS::DBSubnetGroup',
    'Route53::RecordSet',
    'S3::Bucket',
    'S3::BucketPolicy',
    'SNS::Subscription',
    'SNS::Topic',
    'SNS::TopicPolicy',
    'SQS::Queue',
    'SQS::QueuePolicy',
    'SecretsManager::RotationSchedule',
    'SecretsManager::SecretTargetAttachment',
  ].map((type) => `AWS::${type}`),
);

/** Types that the functions below price. */
const BILLED = new Set(
  [
    'ApplicationAutoScaling::ScalingPolicy',
    'AutoScaling::AutoScalingGroup',
    'CloudWatch::Alarm',
    'CloudWatch::Dashboard',
    'EC2::EIP',
    'EC2::NatGateway',
    'EC2::VPCEndpoint',
    'ECS::Cluster',
    'ElasticLoadBalancingV2::LoadBalancer',
    'KMS::Key',
    'RDS::DBCluster',
    'RDS::DBInstance',
    'SecretsManager::Secret',
  ].map((type) => `AWS::${type}`),
);

/**
 * Prices what the templates make of an environment's file: every resource, at the fewest tasks, for a month.
 *
 * @param overrides parameters set otherwise than in the file
 * @throws for a resource, a database class or an instance type that has no price here
 */
export function billOf(environment: Environment, overrides: Readonly<Record<string, string>> = {}): Line[] {
  const layers = Object.values(evaluateEnvironment(environment, overrides));
  const tasks = layers.flatMap(({ resources }) => tasksOf(Object.values(resources)));
  const resources = layers.flatMap((layer) => Object.values(layer.resources));
  const unpriced = resources.find(({ Type }) => !FREE.has(Type) && !BILLED.has(Type));
  if (unpriced) throw new Error(`scripts/docs/costs/bill.ts does not know what ${unpriced.Type} costs`);
  const of = (...types: string[]) =>
    resources.filter(({ Type }) => types.includes(Type.slice('AWS::'.length)));
  return [
    ...natGateways(of('EC2::NatGateway')),
    ...endpoints(of('EC2::VPCEndpoint')),
    ...loadBalancers(of('ElasticLoadBalancingV2::LoadBalancer')),
    ...addresses(of('EC2::EIP'), of('ElasticLoadBalancingV2::LoadBalancer')),
    ...databases(of('RDS::DBInstance'), of('RDS::DBCluster')),
    ...tasks.flatMap(fargate),
    ...instances(of('AutoScaling::AutoScalingGroup'), of('EC2::LaunchTemplate'), tasks),
    ...insights(of('ECS::Cluster'), tasks),
    ...alarms(of('CloudWatch::Alarm'), of('ApplicationAutoScaling::ScalingPolicy')),
    ...several('Dashboard', of('CloudWatch::Dashboard').length, PRICES.dashboard.dollars),
    ...several('Secrets', secrets(resources), PRICES.secret.dollars),
    ...several('Key of the alarms topic', of('KMS::Key').length, PRICES.key.dollars),
  ].filter(({ dollars }) => dollars > 0);
}

export const total = (lines: readonly Line[]): number => lines.reduce((sum, { dollars }) => sum + dollars, 0);

type Resources = readonly EvaluatedResource[];

function several(
  what: string,
  count: number,
  dollars: number,
  size = count > 1 ? String(count) : '',
): Line[] {
  return [{ what, size, dollars: count * dollars }];
}

const natGateways = (gateways: Resources): Line[] =>
  several('NAT gateways', gateways.length, PRICES.natGateway.dollars * HOURS);

function endpoints(all: Resources): Line[] {
  const interfaces = all.filter(({ Properties }) => Properties['VpcEndpointType'] === 'Interface');
  const zones = interfaces.reduce((sum, { Properties }) => sum + list(Properties['SubnetIds']).length, 0);
  const size = `${interfaces.length} × ${zones / interfaces.length} zones`;
  return several('Interface endpoints', zones, PRICES.endpoint.dollars * HOURS, size);
}

const loadBalancers = (balancers: Resources): Line[] =>
  several('Load balancer', balancers.length, PRICES.loadBalancer.dollars * HOURS);

/** One for each NAT gateway, and one that the load balancer has in each zone. */
function addresses(elastic: Resources, balancers: Resources): Line[] {
  const zones = balancers.flatMap(({ Properties }) => list(Properties['Subnets']));
  const count = elastic.length + zones.length;
  return several('Public addresses of both', count, PRICES.publicAddress.dollars * HOURS);
}

function databases(all: Resources, clusters: Resources): Line[] {
  const [cluster] = clusters;
  if (cluster) {
    const { MinCapacity } = cluster.Properties['ServerlessV2ScalingConfiguration'] as { MinCapacity: string };
    const units = all.length * Number(MinCapacity);
    return several('Database', units, PRICES.auroraCapacity.dollars * HOURS, `${units} ACU`);
  }
  return all.flatMap(({ Properties }) => {
    const name = String(Properties['DBInstanceClass']);
    const zones = String(Properties['MultiAZ']) === 'true' ? 2 : 1;
    const gib = Number(Properties['AllocatedStorage']);
    const size = (each: string) => (zones === 1 ? each : `${zones} × ${each}`);
    return [
      ...several('Database', zones, databaseClass(name) * HOURS, size(name)),
      ...several('Storage of the database', zones, gib * PRICES.databaseStorage.dollars, size(`${gib} GB`)),
    ];
  });
}

/** The tasks of a layer's service, if it has one, at the fewest. */
function tasksOf(resources: Resources): Tasks[] {
  const find = (type: string) => resources.find(({ Type }) => Type === `AWS::${type}`)?.Properties;
  const [service, definition] = [find('ECS::Service'), find('ECS::TaskDefinition')];
  const scaling = find('ApplicationAutoScaling::ScalableTarget');
  if (!service || !definition || !scaling) return [];
  const [strategy] = service['CapacityProviderStrategy'] as { CapacityProvider: string }[];
  const [container] = definition['ContainerDefinitions'] as { Name: string }[];
  const platform = definition['RuntimePlatform'] as { CpuArchitecture: string };
  return [
    {
      service: container?.Name ?? '',
      count: Number(scaling['MinCapacity']),
      vcpu: Number(definition['Cpu']) / 1024,
      memory: Number(definition['Memory']) / 1024,
      provider: strategy?.CapacityProvider ?? '',
      arm: platform.CpuArchitecture === 'ARM64',
    },
  ];
}

function fargate({ service, count, vcpu, memory, provider, arm }: Tasks): Line[] {
  if (!provider.startsWith('FARGATE')) return [];
  const cpu = arm ? PRICES.vcpuArm : PRICES.vcpuX86;
  const ram = arm ? PRICES.memoryArm : PRICES.memoryX86;
  const spot = provider === 'FARGATE_SPOT';
  const hour = (vcpu * cpu.dollars + memory * ram.dollars) * (spot ? SPOT_SHARE : 1);
  const size = `${count} × ${vcpu} vCPU, ${memory} GB${spot ? ', Spot' : ''}`;
  return several(`Tasks of the ${service}`, count, hour * HOURS, size);
}

/** As many as the tasks fill, of which the operating system takes half a GB each, and never fewer than the group's. */
function instances(groups: Resources, templates: Resources, tasks: readonly Tasks[]): Line[] {
  return groups.flatMap(({ Properties }) => {
    const data = templates[0]?.Properties['LaunchTemplateData'] as {
      InstanceType: string;
      BlockDeviceMappings: { Ebs: { VolumeSize: string } }[];
    };
    const { dollars, vcpu, memory } = instanceType(data.InstanceType);
    const sum = (what: 'vcpu' | 'memory') => tasks.reduce((all, task) => all + task.count * task[what], 0);
    const count = Math.max(
      Number(Properties['MinSize']),
      Math.ceil(sum('vcpu') / vcpu),
      Math.ceil(sum('memory') / (memory - 0.5)),
    );
    const disk = Number(data.BlockDeviceMappings[0]?.Ebs.VolumeSize) * PRICES.volume.dollars;
    return several('Instances', count, dollars * HOURS + disk, `${count} × ${data.InstanceType}`);
  });
}

function insights(clusters: Resources, tasks: readonly Tasks[]): Line[] {
  return clusters.flatMap(({ Properties }) => {
    const [setting] = Properties['ClusterSettings'] as { Value: string }[];
    if (setting?.Value !== 'enabled' && setting?.Value !== 'enhanced') return [];
    const { price, cluster, service, family, task } = INSIGHTS[setting.Value];
    const running = tasks.reduce((sum, { count }) => sum + count, 0);
    const metrics = cluster + tasks.length * (service + family) + running * task;
    return several('Container Insights', metrics, price, `about ${metrics} metrics`);
  });
}

/** A policy that tracks a target keeps two alarms of its own, one to scale out and one to scale in. */
function alarms(all: Resources, policies: Resources): Line[] {
  const tracking = policies.flatMap(({ Properties }) => {
    const configuration = Properties['TargetTrackingScalingPolicyConfiguration'];
    if (!configuration) return [];
    const { CustomizedMetricSpecification: custom } = configuration as {
      CustomizedMetricSpecification?: Record<string, unknown>;
    };
    return [2 * metricsOf(custom ?? {})];
  });
  const metrics = [...all.map(({ Properties }) => metricsOf(Properties)), ...tracking];
  const count = metrics.reduce((sum, each) => sum + each, 0);
  return several('Alarms', count, PRICES.alarmMetric.dollars, `${count} metrics`);
}

/** Metrics that an alarm reads: those of its expression, or the only one. */
function metricsOf({ Metrics }: Record<string, unknown>): number {
  return Math.max(1, list(Metrics).filter((metric) => Object.hasOwn(metric as object, 'MetricStat')).length);
}

/** RDS keeps the administrator's. */
const secrets = (resources: Resources): number =>
  resources.filter(
    ({ Type, Properties }) =>
      Type === 'AWS::SecretsManager::Secret' || String(Properties['ManageMasterUserPassword']) === 'true',
  ).length;

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
