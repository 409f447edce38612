import { aws, AwsError } from '../deploy/aws.ts';
import type { Environment } from '../deploy/layers.ts';
import { say } from '../deploy/log.ts';
import { emptyBucket } from './bucket.ts';

interface Kind {
  /** Of the ARN, with the name. */
  form: RegExp;
  remove: (name: string) => void;
}

/** What the templates retain. */
const KINDS: readonly Kind[] = [
  {
    form: /^arn:[\w-]+:s3:::([^/]+)$/,
    remove(bucket) {
      emptyBucket(bucket);
      aws('s3api delete-bucket', { bucket });
    },
  },
  {
    form: /:dynamodb:[^:]+:\d+:table\/([^/]+)$/,
    remove(tableName) {
      aws('dynamodb update-table', { tableName, noDeletionProtectionEnabled: true });
      aws('dynamodb delete-table', { tableName });
    },
  },
  {
    form: /:sqs:[^:]+:\d+:([^:]+)$/,
    remove(queueName) {
      const { QueueUrl } = aws('sqs get-queue-url', { queueName }) as { QueueUrl: string };
      aws('sqs delete-queue', { queueUrl: QueueUrl });
    },
  },
  {
    form: /:logs:[^:]+:\d+:log-group:([^:]+)/,
    remove(logGroupName) {
      aws('logs delete-log-group', { logGroupName });
    },
  },
];

/** What AWS says of a thing that is gone, though it may still list it. */
const GONE = /NotFound|NoSuchBucket|NonExistentQueue|QueueDoesNotExist/;

/**
 * Deletes what an environment's stacks have retained: what has its tags, is of a kind that the templates retain, and,
 * lest a tag is on something else, has a name that these stacks give.
 *
 * @returns the ARNs
 */
export function removeRetained(environment: Environment): string[] {
  return tagged(environment).filter((arn) => {
    for (const { form, remove } of KINDS) {
      const [, name = ''] = form.exec(arn) ?? [];
      if (!name.startsWith(`stowage-${environment}-`)) continue;
      unlessGone(() => remove(name));
      say(`  deleted ${arn}`);
      return true;
    }
    return false;
  });
}

/** ARNs of what AWS lists for an environment, tagged, or as a snapshot of its database. */
export function remains(environment: Environment): string[] {
  const owner = `stowage-${environment}`;
  const snapshots = aws('rds describe-db-snapshots', { snapshotType: 'manual' }) as {
    DBSnapshots: { DBInstanceIdentifier: string; DBSnapshotArn: string }[];
  };
  const clusterSnapshots = aws('rds describe-db-cluster-snapshots', { snapshotType: 'manual' }) as {
    DBClusterSnapshots: { DBClusterIdentifier: string; DBClusterSnapshotArn: string }[];
  };
  const arns = [
    ...snapshots.DBSnapshots.flatMap((snapshot) =>
      snapshot.DBInstanceIdentifier === owner ? [snapshot.DBSnapshotArn] : [],
    ),
    ...clusterSnapshots.DBClusterSnapshots.flatMap((snapshot) =>
      snapshot.DBClusterIdentifier === owner ? [snapshot.DBClusterSnapshotArn] : [],
    ),
    ...tagged(environment),
  ];
  return [...new Set(arns)];
}

/** Deletes the repositories of infra/pipeline.yml with all their images. */
export function removeRepositories(): void {
  for (const repositoryName of ['stowage-api', 'stowage-worker']) {
    unlessGone(() => void aws('ecr delete-repository', { repositoryName, force: true }));
  }
}

function tagged(environment: Environment): string[] {
  const answer = aws('resourcegroupstaggingapi get-resources', {
    tagFilters: [
      { Key: 'Application', Values: ['stowage'] },
      { Key: 'Environment', Values: [environment] },
    ],
  });
  const { ResourceTagMappingList } = answer as { ResourceTagMappingList: { ResourceARN: string }[] };
  return ResourceTagMappingList.map(({ ResourceARN }) => ResourceARN);
}

function unlessGone(remove: () => void): void {
  try {
    remove();
  } catch (error) {
    if (!(error instanceof AwsError) || !GONE.test(`${error.code} ${error.message}`)) throw error;
  }
}
