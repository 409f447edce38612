import { aws } from '../deploy/aws.ts';
import type { Stack, StackResource } from '../deploy/stack.ts';

/** How what refuses to be deleted is told not to, by the type of the resource. */
const UNPROTECT: Readonly<Record<string, (id: string) => void>> = {
  'AWS::AutoScaling::AutoScalingGroup': unprotectInstances,
  'AWS::ElasticLoadBalancingV2::LoadBalancer'(arn) {
    const off = { 'deletion_protection.enabled': 'false', 'access_logs.s3.enabled': 'false' };
    aws('elbv2 modify-load-balancer-attributes', {
      loadBalancerArn: arn,
      attributes: Object.entries(off).map(([Key, Value]) => ({ Key, Value })),
    });
  },
  'AWS::RDS::DBCluster'(id) {
    aws('rds modify-db-cluster', {
      dbClusterIdentifier: id,
      noDeletionProtection: true,
      applyImmediately: true,
    });
  },
  'AWS::RDS::DBInstance'(id) {
    aws('rds modify-db-instance', {
      dbInstanceIdentifier: id,
      noDeletionProtection: true,
      applyImmediately: true,
    });
  },
};

/** Lifts what protects a stack and its resources from deletion. */
export function unprotect(stack: Stack, resources: readonly StackResource[]): void {
  if (stack.EnableTerminationProtection) {
    aws('cloudformation update-termination-protection', {
      stackName: stack.StackName,
      noEnableTerminationProtection: true,
    });
  }
  for (const { ResourceType, ResourceStatus, PhysicalResourceId = '' } of resources) {
    if (PhysicalResourceId === '' || ResourceStatus.startsWith('DELETE')) continue;
    UNPROTECT[ResourceType]?.(PhysicalResourceId);
  }
}

/** ECS protects instances that have tasks, and is slow to see that these are gone. */
function unprotectInstances(group: string): void {
  const answer = aws('autoscaling describe-auto-scaling-groups', { autoScalingGroupNames: [group] });
  const [found] = (answer as { AutoScalingGroups: { Instances: { InstanceId: string }[] }[] })
    .AutoScalingGroups;
  const instanceIds = (found?.Instances ?? []).map(({ InstanceId }) => InstanceId);
  if (instanceIds.length === 0) return;
  aws('autoscaling set-instance-protection', {
    autoScalingGroupName: group,
    instanceIds,
    noProtectedFromScaleIn: true,
  });
}
