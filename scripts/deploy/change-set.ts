import { randomUUID } from 'node:crypto';
import { aws } from './aws.ts';
import { say } from './log.ts';
import { roleArn, settled, type Stack } from './stack.ts';
import { until } from './wait.ts';
import type { Values } from './parameters.ts';

export interface Change {
  Action: 'Add' | 'Modify' | 'Remove' | 'Import' | 'Dynamic';
  LogicalResourceId: string;
  ResourceType: string;
  /** Of a `Modify`: whether the resource is made anew, and the old one goes. */
  Replacement?: 'True' | 'False' | 'Conditional';
}

export interface ChangeSet {
  id: string;
  stackId: string;
  changes: Change[];
}

interface Description {
  Status: string;
  StatusReason?: string;
  Changes?: { ResourceChange?: Change }[];
}

/** What CloudFormation says when there is nothing to do: it has no code for it. */
const EMPTY = /didn't contain changes|No updates are to be performed/;

/**
 * Has CloudFormation work out what a template would change: as `aws cloudformation deploy` does, but to be looked at
 * before it is done.
 *
 * @param stack the stack as it is; undefined makes one
 * @returns undefined when there is nothing to do
 */
export async function createChangeSet(options: {
  name: string;
  stack: Stack | undefined;
  templateFile: string;
  parameters: Values;
  tags: Values;
}): Promise<ChangeSet | undefined> {
  const { name, stack, templateFile, parameters, tags } = options;
  const isNew = stack === undefined || stack.StackStatus === 'REVIEW_IN_PROGRESS';
  const created = aws('cloudformation create-change-set', {
    stackName: name,
    changeSetName: `release-${randomUUID()}`,
    changeSetType: isNew ? 'CREATE' : 'UPDATE',
    templateBody: `file://${templateFile}`,
    // The rotation functions of database.yml come from a transform that AWS keeps.
    capabilities: ['CAPABILITY_NAMED_IAM', 'CAPABILITY_AUTO_EXPAND'],
    parameters: listOf(parameters, 'ParameterKey', 'ParameterValue'),
    tags: listOf(tags, 'Key', 'Value'),
    roleArn: roleArn(),
  });
  const { Id: id, StackId: stackId } = created as { Id: string; StackId: string };
  const {
    Status,
    StatusReason = '',
    Changes = [],
  } = await until(`change set ${id}`, 10, () => {
    const description = aws('cloudformation describe-change-set', { changeSetName: id }) as Description;
    return /^(CREATE_COMPLETE|FAILED)$/.test(description.Status) ? description : undefined;
  });
  if (Status === 'CREATE_COMPLETE') {
    return { id, stackId, changes: Changes.flatMap(({ ResourceChange }) => ResourceChange ?? []) };
  }
  discard(id);
  if (EMPTY.test(StatusReason)) return undefined;
  throw new Error(`CloudFormation refuses ${name}: ${StatusReason}`);
}

/** Does what a change set says, and waits. @returns the stack as it then is, which may be the old one, rolled back */
export async function execute({ id, stackId }: ChangeSet): Promise<Stack> {
  const token = randomUUID();
  aws('cloudformation execute-change-set', { changeSetName: id, clientRequestToken: token });
  return settled(stackId, token);
}

/** Deletes a change set that nobody wants. A stack that it was to make stays in review, and is made next time. */
export function discard(id: string): void {
  aws('cloudformation delete-change-set', { changeSetName: id });
}

export function show(changes: readonly Change[]): void {
  for (const { Action, LogicalResourceId, ResourceType, Replacement } of changes) {
    const how =
      Replacement === 'True' ? ', replaced' : Replacement === 'Conditional' ? ', may be replaced' : '';
    say(`  ${Action.toLowerCase()} ${LogicalResourceId} (${ResourceType})${how}`);
  }
}

function listOf(values: Values, key: string, value: string): object[] {
  return Object.entries(values).map(([name, text]) => ({ [key]: name, [value]: text }));
}
