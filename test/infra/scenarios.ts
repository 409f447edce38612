import { ENVIRONMENTS, type Environment } from '../../scripts/deploy/layers.ts';

/** An environment with some switches set otherwise than in its file. */
export interface Scenario {
  name: string;
  environment: Environment;
  overrides: Record<string, string>;
}

/** The environments as their files describe them. */
export const AS_FILED: readonly Scenario[] = ENVIRONMENTS.map((environment) => ({
  name: environment,
  environment,
  overrides: {},
}));

const EXISTING_VPC = {
  ExistingVpcId: 'vpc-0123456789abcdef0',
  ExistingPublicSubnetIds: 'subnet-0aaaaaaaaaaaaaaaa,subnet-0bbbbbbbbbbbbbbbb',
  ExistingPrivateSubnetIds: 'subnet-0cccccccccccccccc,subnet-0dddddddddddddddd',
};

/** What changes which resources there are, and the values of each. */
const SWITCHES = {
  NatMode: ['none', 'single', 'per-az'],
  Capacity: ['fargate', 'fargate-spot', 'ec2'],
  DatabaseEngine: ['rds', 'aurora-serverless'],
  DeploymentStrategy: ['rolling', 'blue-green', 'canary'],
  Vpc: ['own', 'existing'],
};

/** Every combination of the switches, on the environment that is most like production and has the least to lose. */
export const COMBINATIONS: readonly Scenario[] = Object.entries(SWITCHES)
  .reduce<Record<string, string>[]>(
    (combinations, [name, values]) =>
      combinations.flatMap((chosen) => values.map((value) => ({ ...chosen, [name]: value }))),
    [{}],
  )
  .map(({ Vpc, ...overrides }) => ({
    name: `staging with ${Object.values(overrides).join(', ')} in ${Vpc === 'own' ? 'its own' : 'an existing'} VPC`,
    environment: 'staging',
    overrides: { ...overrides, ...(Vpc === 'own' ? {} : EXISTING_VPC) },
  }));

/** Each value of each switch at least once, with what differs most from production as it is filed. */
export const VARIANTS: readonly Scenario[] = [
  ...AS_FILED,
  {
    name: 'production on EC2 and Aurora, without NAT, blue-green',
    environment: 'production',
    overrides: {
      Capacity: 'ec2',
      DatabaseEngine: 'aurora-serverless',
      NatMode: 'none',
      ZoneCount: '3',
      DeploymentStrategy: 'blue-green',
      ExecuteCommand: 'true',
    },
  },
  {
    name: 'dev on Fargate Spot in an existing VPC, canary, with a certificate',
    environment: 'dev',
    overrides: {
      Capacity: 'fargate-spot',
      DatabaseEngine: 'rds',
      NatMode: 'per-az',
      DeploymentStrategy: 'canary',
      CertificateArn: 'arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012',
      DomainName: 'stowage.example.com',
      HostedZoneId: 'Z0123456789ABCDEFGHIJ',
      ...EXISTING_VPC,
    },
  },
];

/** Parameters of `pipeline.yml` with which it has everything that it may have. */
export const PIPELINE: Readonly<Record<string, string>> = {
  ConnectionArn:
    'arn:aws:codeconnections:us-east-1:123456789012:connection/12345678-1234-1234-1234-123456789012',
  Repository: 'example/stowage',
  RepositoryUrl: 'https://github.com/example/stowage.git',
  ApprovalEmail: 'somebody@example.com',
};
