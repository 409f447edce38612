import { randomUUID } from 'node:crypto';
import { aws, AwsError } from './aws.ts';
import { say } from './log.ts';
import { until } from './wait.ts';

export interface Stack {
  StackId: string;
  StackName: string;
  StackStatus: string;
  StackStatusReason?: string;
  EnableTerminationProtection?: boolean;
  Parameters?: { ParameterKey: string; ParameterValue?: string }[];
  Outputs?: { OutputKey: string; OutputValue: string }[];
}

export interface StackResource {
  LogicalResourceId: string;
  PhysicalResourceId?: string;
  ResourceType: string;
  ResourceStatus: string;
}

interface StackEvent {
  EventId: string;
  ClientRequestToken?: string;
  LogicalResourceId: string;
  ResourceType: string;
  ResourceStatus: string;
  ResourceStatusReason?: string;
}

/** CloudFormation gives a stack's resources far less time than this, RDS and its snapshots excepted. */
const LONGEST_MINUTES = 120;

/** @returns undefined when there is no such stack; a deleted one is found by its id only */
export function findStack(nameOrId: string): Stack | undefined {
  try {
    const answer = aws('cloudformation describe-stacks', { stackName: nameOrId });
    return (answer as { Stacks: Stack[] }).Stacks[0];
  } catch (error) {
    if (error instanceof AwsError && error.message.includes('does not exist')) return undefined;
    throw error;
  }
}

export const outputsOf = (stack: Stack): Record<string, string> =>
  Object.fromEntries((stack.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]));

export const parametersOf = (stack: Stack): Record<string, string> =>
  Object.fromEntries(
    (stack.Parameters ?? []).map(({ ParameterKey, ParameterValue = '' }) => [ParameterKey, ParameterValue]),
  );

export function resourcesOf(stack: Stack): StackResource[] {
  const answer = aws('cloudformation describe-stack-resources', { stackName: stack.StackId });
  return (answer as { StackResources: StackResource[] }).StackResources;
}

/**
 * Waits until nothing happens to a stack any more, telling what happens to its resources.
 *
 * @param token of the operation (`--client-request-token`), whose events are told
 */
export async function settled(stackId: string, token?: string): Promise<Stack> {
  const told = new Set<string>();
  const tell = () => {
    if (token === undefined) return;
    for (const event of eventsOf(stackId, token)) {
      if (told.has(event.EventId) || !isWorthTelling(event)) continue;
      told.add(event.EventId);
      say(describe(event));
    }
  };
  return until(`stack ${stackId}`, LONGEST_MINUTES, () => {
    const stack = findStack(stackId);
    if (!stack) throw new Error(`stack ${stackId} is gone`);
    tell();
    return isBusy(stack) ? undefined : stack;
  });
}

/** Whether CloudFormation is at work on it. A stack in review has no more than a change set that nobody executed. */
export const isBusy = ({ StackStatus }: Stack): boolean =>
  StackStatus.endsWith('_IN_PROGRESS') && StackStatus !== 'REVIEW_IN_PROGRESS';

/**
 * Deletes a stack and waits.
 *
 * @throws when something of it stays, which its events have said
 */
export async function deleteStack({ StackId, StackName }: Stack): Promise<void> {
  const token = randomUUID();
  aws('cloudformation delete-stack', { stackName: StackId, clientRequestToken: token, roleArn: roleArn() });
  const { StackStatus } = await settled(StackId, token);
  if (StackStatus !== 'DELETE_COMPLETE') throw new Error(`${StackName} could not be deleted: ${StackStatus}`);
}

/** The role that CloudFormation acts with; undefined lets it act with the caller's rights. */
export const roleArn = (): string | undefined => process.env['CLOUDFORMATION_ROLE_ARN'] || undefined;

/** Oldest first. */
function eventsOf(stackId: string, token: string): StackEvent[] {
  const answer = aws('cloudformation describe-stack-events', { stackName: stackId, maxItems: '200' });
  const { StackEvents } = answer as { StackEvents: StackEvent[] };
  return StackEvents.filter((event) => event.ClientRequestToken === token).toReversed();
}

const isWorthTelling = ({ ResourceStatus }: StackEvent): boolean => !ResourceStatus.endsWith('_IN_PROGRESS');

function describe(event: StackEvent): string {
  const { LogicalResourceId, ResourceType, ResourceStatus, ResourceStatusReason } = event;
  const reason = ResourceStatusReason === undefined ? '' : `: ${ResourceStatusReason}`;
  return `  ${ResourceStatus.toLowerCase().replaceAll('_', ' ')} ${LogicalResourceId} (${ResourceType})${reason}`;
}
