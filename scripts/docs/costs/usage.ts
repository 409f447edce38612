import { PRICES } from './prices.ts';

/** What work adds to a month. */
export interface Use {
  what: string;
  /** Where the quantity comes from. */
  from: string;
  dollars: number;
}

const million = (count: number, { dollars }: { dollars: number }): number => (count / 1e6) * dollars;

const CHUNKS_A_GB = 120;
const worker = (cpuSeconds: number) =>
  (cpuSeconds / 3600) * (PRICES.vcpuArm.dollars + 2 * PRICES.memoryArm.dollars);

/** One GB of CSV, loaded once. */
export const LOADING: readonly Use[] = [
  {
    what: 'Worker',
    from: '12 s of a virtual CPU, measured, and 2 GB of memory for as long',
    dollars: worker(12),
  },
  {
    what: 'SQS',
    from: '120 chunks, three requests each and some for the whole',
    dollars: million(CHUNKS_A_GB * 3 + 15, PRICES.queueRequests),
  },
  {
    what: 'DynamoDB',
    from: 'two writes and a read a chunk at most',
    dollars: million(CHUNKS_A_GB * 2, PRICES.tableWrites) + million(CHUNKS_A_GB, PRICES.tableReads),
  },
  {
    what: 'S3 requests',
    from: 'one read a chunk, one for the split, one upload',
    dollars: million(CHUNKS_A_GB + 2, PRICES.fileReads) + million(2, PRICES.fileWrites),
  },
];

/** One GB of CSV, kept for a month. */
export const KEEPING: readonly Use[] = [
  { what: 'The file in S3', from: '1 GB', dollars: PRICES.fileStorage.dollars },
  {
    what: 'The rows in Postgres, one zone',
    from: '1.3 GB, measured; twice that in two zones',
    dollars: 1.3 * PRICES.databaseStorage.dollars,
  },
];

/** A million pages of 100 rows, 17 kB each. */
export const READING: readonly Use[] = [
  { what: 'Data to the Internet', from: '17 GB', dollars: 17 * PRICES.transferOut.dollars },
  {
    what: 'Load balancer',
    from: '17 GB, one a unit and hour',
    dollars: 17 * PRICES.loadBalancerUnit.dollars,
  },
  { what: 'DynamoDB', from: 'a consistent read a page', dollars: million(1e6, PRICES.tableReads) },
  {
    what: 'Logs of the api',
    from: '0.33 GB, kept three months, through a NAT gateway',
    dollars: 0.33 * (PRICES.logs.dollars + 3 * PRICES.logStorage.dollars + PRICES.natTraffic.dollars),
  },
  {
    what: 'Tasks of the api',
    from: '0.45 ms of a virtual CPU a page, measured, at 70 % of CPU',
    dollars: worker((1e6 * 0.00045) / 0.7),
  },
];

/** A release by the pipeline. */
export const RELEASING: readonly Use[] = [
  { what: 'Build', from: '12 minutes', dollars: 12 * PRICES.buildMinute.dollars },
  { what: 'Two deployments', from: '12 minutes each', dollars: 24 * PRICES.deployMinute.dollars },
  { what: 'Pipeline', from: '37 minutes of actions', dollars: 37 * PRICES.pipelineMinute.dollars },
];
