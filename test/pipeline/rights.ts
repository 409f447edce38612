import { type Access, isAllowed, type Statement } from '../infra/least-privilege/policy.ts';
import type { FakeStack } from './aws/cloudformation.ts';
import type { Call } from './aws/server.ts';
import type { TaskDefinition } from './aws/task-definition.ts';

const place = (service: string): string => `arn:aws:${service}:us-east-1:123456789012`;

/** What the fakes know that a request does not say. */
export interface Known {
  /** Of a stack's id or name, or a change set's id. */
  stackName: (id: string) => string;
  taskDefinition: (arn: string) => TaskDefinition | undefined;
}

/**
 * Which of the calls a role may not make, as `action resource`.
 *
 * @param role logical id of a role in the pipeline's stack
 */
export function deniedTo(role: string, pipeline: FakeStack, calls: readonly Call[], known: Known): string[] {
  const statements = statementsOf(role, pipeline);
  const denied = calls
    .flatMap((call) => accessesOf(call, known))
    .filter((access) => !isAllowed(statements, access))
    .map(({ action, resource }) => `${action} ${resource}`);
  return [...new Set(denied)];
}

function statementsOf(role: string, pipeline: FakeStack): Statement[] {
  const { ManagedPolicyArns = [] } = (pipeline.resources.get(role)?.resource.Properties ?? {}) as {
    ManagedPolicyArns?: string[];
  };
  return [...pipeline.resources.values()]
    .filter(({ physicalId }) => ManagedPolicyArns.includes(physicalId))
    .flatMap(
      ({ resource }) => (resource.Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    );
}

/** By the tables of https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html */
function accessesOf({ service, operation, input }: Call, known: Known): Access[] {
  const on = (resource: string, context: Record<string, string> = {}): Access => ({
    action: `${service}:${operation}`,
    resource,
    context,
  });
  const pass = (resource: string, to: string): Access => ({
    action: 'iam:PassRole',
    resource,
    context: { 'iam:PassedToService': to },
  });
  const text = (name: string): string => (input[name] as string | undefined) ?? '';
  const texts = (name: string): string[] => (input[name] as string[] | undefined) ?? [];
  const cluster = { 'ecs:cluster': `${place('ecs')}:cluster/${text('cluster')}` };

  switch (`${service}:${operation}`) {
    case 'ecr:BatchGetImage':
      return [on(`${place('ecr')}:repository/${text('repositoryName')}`)];
    case 'ecr:GetAuthorizationToken':
    case 'ecs:DescribeTaskDefinition':
      return [on('*')];
    case 'ecs:ListTasks':
      return [on('*', cluster)];
    case 'ecs:DescribeServices':
      return texts('services').map((name) =>
        on(`${place('ecs')}:service/${text('cluster')}/${name}`, cluster),
      );
    case 'ecs:DescribeTasks':
      return texts('tasks').map((arn) => on(arn, cluster));
    case 'ecs:RunTask': {
      const { ExecutionRoleArn, TaskRoleArn } = known.taskDefinition(text('taskDefinition')) ?? {};
      const roles = [ExecutionRoleArn, TaskRoleArn].flatMap((arn) => arn ?? []);
      return [
        on(text('taskDefinition'), cluster),
        ...roles.map((arn) => pass(arn, 'ecs-tasks.amazonaws.com')),
      ];
    }
    case 'iam:CreateServiceLinkedRole':
      return [
        on('arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS', {
          'iam:AWSServiceName': text('AWSServiceName'),
        }),
      ];
    case 'logs:GetLogEvents':
      return [on(`${place('logs')}:log-group:${text('logGroupName')}:log-stream:${text('logStreamName')}`)];
    default: {
      if (service !== 'cloudformation')
        throw new Error(`what ${service}:${operation} needs is not known here`);
      const stack = known.stackName(text('StackName') || text('ChangeSetName'));
      const role = text('RoleARN');
      return [
        on(`${place('cloudformation')}:stack/${stack}/0f1e`),
        ...(role === '' ? [] : [pass(role, 'cloudformation.amazonaws.com')]),
      ];
    }
  }
}
