import { aws, AwsError } from './aws.ts';

/**
 * Makes the role that ECS manages network interfaces and load balancers with, if the account has none. ECS makes it by
 * itself with an account's first cluster, and then may not find it yet for some seconds, which ends that first release.
 */
export function ensureEcsRole(): void {
  try {
    aws('iam create-service-linked-role', { awsServiceName: 'ecs.amazonaws.com' });
  } catch (error) {
    const isThere = error instanceof AwsError && /has been taken in this account/.test(error.message);
    if (!isThere) throw error;
  }
}
