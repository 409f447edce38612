/** Where and when the prices below hold. */
export const PRICE_LIST = { region: 'us-east-1 (N. Virginia)', date: 'June 2026' };

/** Hours of a month, as AWS's calculator counts them. */
export const HOURS = 730;

interface Price {
  what: string;
  /** US dollars for one unit, on demand, without tax and free tiers. */
  dollars: number;
  per: string;
}

/** Unit prices that every figure of docs/costs.md is computed from. */
export const PRICES = {
  vcpuArm: { what: 'Fargate, ARM: virtual CPU', dollars: 0.03238, per: 'hour' },
  memoryArm: { what: 'Fargate, ARM: GB of memory', dollars: 0.00356, per: 'hour' },
  vcpuX86: { what: 'Fargate, x86: virtual CPU', dollars: 0.04048, per: 'hour' },
  memoryX86: { what: 'Fargate, x86: GB of memory', dollars: 0.004445, per: 'hour' },
  natGateway: { what: 'NAT gateway', dollars: 0.045, per: 'hour' },
  natTraffic: { what: 'NAT gateway: data', dollars: 0.045, per: 'GB' },
  publicAddress: { what: 'Public IPv4 address', dollars: 0.005, per: 'hour' },
  endpoint: { what: 'Interface endpoint in one zone', dollars: 0.01, per: 'hour' },
  loadBalancer: { what: 'Application Load Balancer', dollars: 0.0225, per: 'hour' },
  loadBalancerUnit: { what: 'Load balancer capacity unit (1 GB of traffic)', dollars: 0.008, per: 'hour' },
  databaseStorage: { what: 'RDS gp3 storage, one zone', dollars: 0.115, per: 'GB-month' },
  databaseBackup: { what: 'RDS backups beyond the size of the database', dollars: 0.095, per: 'GB-month' },
  databaseBurst: { what: 'RDS t4g classes: virtual CPU beyond what they earn', dollars: 0.075, per: 'hour' },
  auroraCapacity: { what: 'Aurora Serverless v2 capacity unit', dollars: 0.12, per: 'hour' },
  auroraStorage: { what: 'Aurora storage', dollars: 0.1, per: 'GB-month' },
  auroraRequests: { what: 'Aurora reads and writes of storage', dollars: 0.2, per: 'million' },
  volume: { what: 'EBS gp3 volume', dollars: 0.08, per: 'GB-month' },
  secret: { what: 'Secret', dollars: 0.4, per: 'month' },
  key: { what: 'KMS key', dollars: 1, per: 'month' },
  alarmMetric: { what: 'Alarm, for each metric that it reads', dollars: 0.1, per: 'month' },
  dashboard: { what: 'Dashboard', dollars: 3, per: 'month' },
  insightsMetric: { what: 'Container Insights: metric', dollars: 0.3, per: 'month' },
  enhancedMetric: { what: 'Container Insights, enhanced: metric', dollars: 0.07, per: 'month' },
  logs: { what: 'Logs: taking in', dollars: 0.5, per: 'GB' },
  logStorage: { what: 'Logs: keeping', dollars: 0.03, per: 'GB-month' },
  fileStorage: { what: 'S3 storage', dollars: 0.023, per: 'GB-month' },
  fileWrites: { what: 'S3 writes', dollars: 5, per: 'million' },
  fileReads: { what: 'S3 reads', dollars: 0.4, per: 'million' },
  queueRequests: { what: 'SQS requests', dollars: 0.4, per: 'million' },
  tableWrites: { what: 'DynamoDB writes, on demand', dollars: 0.625, per: 'million' },
  tableReads: { what: 'DynamoDB reads, on demand', dollars: 0.125, per: 'million' },
  transferOut: { what: 'Data to the Internet', dollars: 0.09, per: 'GB' },
  imageStorage: { what: 'ECR storage', dollars: 0.1, per: 'GB-month' },
  buildMinute: { what: 'CodeBuild, medium (x86; ARM is less)', dollars: 0.01, per: 'minute' },
  deployMinute: { what: 'CodeBuild, small (x86; ARM is less)', dollars: 0.005, per: 'minute' },
  pipelineMinute: { what: 'CodePipeline V2, each action', dollars: 0.002, per: 'minute' },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

/** Fargate Spot moves with supply and demand, 50 to 70 % below the price on demand; this is what it is taken for. */
export const SPOT_SHARE = 0.35;

/** PostgreSQL on RDS in one zone, dollars an hour; two zones cost the double. */
const DATABASE_CLASSES: Record<string, number> = {
  'db.t4g.micro': 0.016,
  'db.t4g.small': 0.032,
  'db.t4g.medium': 0.065,
  'db.t4g.large': 0.129,
  'db.m7g.large': 0.168,
  'db.m7g.xlarge': 0.337,
  'db.m7g.2xlarge': 0.674,
};

/** Instances on demand, dollars an hour, with what they have. */
const INSTANCE_TYPES: Record<string, { dollars: number; vcpu: number; memory: number }> = {
  't4g.medium': { dollars: 0.0336, vcpu: 2, memory: 4 },
  'm7g.large': { dollars: 0.0816, vcpu: 2, memory: 8 },
  'm7g.xlarge': { dollars: 0.1632, vcpu: 4, memory: 16 },
  'c7g.large': { dollars: 0.0725, vcpu: 2, memory: 4 },
  'm7i.large': { dollars: 0.1008, vcpu: 2, memory: 8 },
};

export const databaseClass = (name: string): number => known(DATABASE_CLASSES, name);

export const instanceType = (name: string): { dollars: number; vcpu: number; memory: number } =>
  known(INSTANCE_TYPES, name);

function known<T>(table: Record<string, T>, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`scripts/docs/costs/prices.ts has no price of ${name}: add it`);
  return found;
}
