import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Evaluated, evaluate, type EvaluatedResource } from '../../support/cloudformation/evaluate.ts';
import { refOf } from '../../support/cloudformation/physical.ts';
import { parseTemplate } from '../../support/cloudformation/template.ts';
import { Fault } from './fault.ts';
import { mustReplace } from './replacement.ts';

export interface Deployed {
  /** Of the stack. */
  stack: string;
  logicalId: string;
  physicalId: string;
  resource: EvaluatedResource;
}

/** What makes resources of a type. Types without one are there as soon as they are asked for. */
export interface Provider {
  /** What `Ref` (attribute undefined) or `Fn::GetAtt` gives, where what the evaluator makes up will not do. */
  attribute?: (
    wanted: Omit<Deployed, 'physicalId'>,
    attribute: string | undefined,
    current: Deployed | undefined,
  ) => unknown;
  /** @param previous when it is updated. @throws with CloudFormation's reason, when it cannot be made */
  provide?: (deployed: Deployed, previous: Deployed | undefined) => Promise<void>;
  remove?: (deployed: Deployed) => Promise<void>;
}

export interface StackEvent {
  EventId: string;
  StackId: string;
  StackName: string;
  LogicalResourceId: string;
  PhysicalResourceId: string;
  ResourceType: string;
  ResourceStatus: string;
  ResourceStatusReason: string | undefined;
  ClientRequestToken: string | undefined;
  Timestamp: Date;
}

export interface FakeStack {
  id: string;
  name: string;
  status: string;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  outputs: Record<string, string>;
  resources: Map<string, Deployed>;
  events: StackEvent[];
  terminationProtection: boolean;
}

interface ChangeSet {
  id: string;
  name: string;
  stack: FakeStack;
  status: string;
  reason: string | undefined;
  changes: ResourceChange[];
  plan: { evaluated: Evaluated; parameters: Record<string, string>; tags: Record<string, string> };
}

interface ResourceChange {
  Action: 'Add' | 'Modify' | 'Remove';
  LogicalResourceId: string;
  ResourceType: string;
  Replacement?: 'True' | 'False';
}

interface CreateInput {
  StackName: string;
  ChangeSetName: string;
  ChangeSetType: string;
  TemplateBody: string;
  Capabilities?: string[];
  /** An empty list is an empty text, as the query protocol has it. */
  Parameters?: { ParameterKey: string; ParameterValue: string }[] | '';
  Tags?: { Key: string; Value: string }[] | '';
}

const REGION = 'us-east-1';
const ACCOUNT = '123456789012';

/** The most that CloudFormation takes of a template that does not lie in S3, in bytes. */
const LONGEST_TEMPLATE = 51_200;

/**
 * CloudFormation, as far as a release uses it: change sets, stack states and events, rollback to what was there, and the
 * ROLLBACK_COMPLETE that a first creation ends in. Templates are evaluated whole before anything is made.
 */
export function createCloudFormation(providers: Readonly<Record<string, Provider>>) {
  const stacks: FakeStack[] = [];
  const changeSets = new Map<string, ChangeSet>();
  /** Names of stacks by the ids of their change sets, those that are gone too. */
  const stackNames = new Map<string, string>();

  function find(nameOrId: string): FakeStack | undefined {
    return stacks.find(
      ({ id, name, status }) => nameOrId === id || (nameOrId === name && status !== 'DELETE_COMPLETE'),
    );
  }

  function need(nameOrId: string): FakeStack {
    const stack = find(nameOrId);
    if (!stack) throw new Fault('ValidationError', `Stack with id ${nameOrId} does not exist`);
    return stack;
  }

  function changeSet(id: string): ChangeSet {
    const found = changeSets.get(id);
    if (!found) throw new Fault('ChangeSetNotFound', `ChangeSet [${id}] does not exist`);
    return found;
  }

  function evaluateFor(
    stack: FakeStack,
    templateBody: string,
    parameters: Record<string, string>,
  ): Evaluated {
    try {
      return evaluate(parseTemplate(templateBody), {
        parameters,
        stackName: stack.name,
        region: REGION,
        accountId: ACCOUNT,
        attribute: (logicalId, attribute, resource) =>
          providers[resource.Type]?.attribute?.(
            { stack: stack.name, logicalId, resource },
            attribute,
            stack.resources.get(logicalId),
          ),
      });
    } catch (error) {
      throw new Fault('ValidationError', (error as Error).message);
    }
  }

  function physicalId(stack: FakeStack, logicalId: string, resource: EvaluatedResource): string {
    const own = providers[resource.Type]?.attribute?.(
      { stack: stack.name, logicalId, resource },
      undefined,
      stack.resources.get(logicalId),
    );
    return typeof own === 'string'
      ? own
      : refOf(logicalId, resource, { name: stack.name, region: REGION, accountId: ACCOUNT });
  }

  function record(
    stack: FakeStack,
    what: { logicalId: string; physicalId: string; type: string },
    status: string,
    token: string | undefined,
    reason?: string,
  ): void {
    stack.events.unshift({
      EventId: randomUUID(),
      StackId: stack.id,
      StackName: stack.name,
      LogicalResourceId: what.logicalId,
      PhysicalResourceId: what.physicalId,
      ResourceType: what.type,
      ResourceStatus: status,
      ResourceStatusReason: reason,
      ClientRequestToken: token,
      Timestamp: new Date(),
    });
  }

  function move(stack: FakeStack, status: string, token: string | undefined, reason?: string): void {
    stack.status = status;
    const what = { logicalId: stack.name, physicalId: stack.id, type: 'AWS::CloudFormation::Stack' };
    record(stack, what, status, token, reason);
  }

  async function provide(
    stack: FakeStack,
    next: Deployed,
    verb: string,
    token: string | undefined,
  ): Promise<void> {
    const { logicalId, physicalId: id, resource } = next;
    const what = { logicalId, physicalId: id, type: resource.Type };
    record(stack, what, `${verb}_IN_PROGRESS`, token);
    try {
      await providers[resource.Type]?.provide?.(next, stack.resources.get(logicalId));
    } catch (error) {
      record(stack, what, `${verb}_FAILED`, token, (error as Error).message);
      throw error;
    }
    stack.resources.set(logicalId, next);
    record(stack, what, `${verb}_COMPLETE`, token);
  }

  /** @param undone whether it is the creation itself that is rolled back */
  async function remove(
    stack: FakeStack,
    deployed: Deployed,
    token: string | undefined,
    undone = false,
  ): Promise<void> {
    const { logicalId, physicalId: id, resource } = deployed;
    const what = { logicalId, physicalId: id, type: resource.Type };
    stack.resources.delete(logicalId);
    const { DeletionPolicy: policy } = resource;
    if (policy === 'Retain' || (policy === 'RetainExceptOnCreate' && !undone))
      return record(stack, what, 'DELETE_SKIPPED', token);
    await providers[resource.Type]?.remove?.(deployed);
    record(stack, what, 'DELETE_COMPLETE', token);
  }

  /** In the template's order: those of this project say what others use before these. */
  async function execute({ stack, changes, plan }: ChangeSet, token: string | undefined): Promise<void> {
    const isNew = stack.status === 'REVIEW_IN_PROGRESS';
    const before = new Map(stack.resources);
    move(stack, isNew ? 'CREATE_IN_PROGRESS' : 'UPDATE_IN_PROGRESS', token);
    try {
      for (const { Action, LogicalResourceId: logicalId } of changes) {
        const resource = plan.evaluated.resources[logicalId];
        if (!resource) continue;
        const next = {
          stack: stack.name,
          logicalId,
          physicalId: physicalId(stack, logicalId, resource),
          resource,
        };
        await provide(stack, next, Action === 'Add' ? 'CREATE' : 'UPDATE', token);
      }
      for (const { Action, LogicalResourceId } of changes) {
        const gone = stack.resources.get(LogicalResourceId);
        if (Action === 'Remove' && gone) await remove(stack, gone, token);
      }
      Object.assign(stack, { parameters: plan.parameters, tags: plan.tags, outputs: plan.evaluated.outputs });
      move(stack, isNew ? 'CREATE_COMPLETE' : 'UPDATE_COMPLETE', token);
    } catch (error) {
      const prefix = isNew ? 'ROLLBACK' : 'UPDATE_ROLLBACK';
      move(stack, `${prefix}_IN_PROGRESS`, token, (error as Error).message);
      for (const [logicalId, deployed] of [...stack.resources].toReversed()) {
        const old = before.get(logicalId);
        if (!old) await remove(stack, deployed, token, true);
        else if (old !== deployed) await provide(stack, old, 'UPDATE', token);
      }
      move(stack, `${prefix}_COMPLETE`, token);
    }
  }

  async function deleteAll(stack: FakeStack, token: string | undefined): Promise<void> {
    move(stack, 'DELETE_IN_PROGRESS', token);
    for (const deployed of [...stack.resources.values()].toReversed()) await remove(stack, deployed, token);
    move(stack, 'DELETE_COMPLETE', token);
  }

  const operations = {
    CreateChangeSet(input: CreateInput) {
      if (Buffer.byteLength(input.TemplateBody) > LONGEST_TEMPLATE) {
        throw new Fault('ValidationError', `the template is longer than ${LONGEST_TEMPLATE} bytes`);
      }
      const existing = find(input.StackName);
      if (input.ChangeSetType === 'UPDATE' && !existing) need(input.StackName);
      if (
        existing &&
        /ROLLBACK_(COMPLETE|FAILED)$/.test(existing.status) &&
        !existing.status.startsWith('UPDATE')
      ) {
        throw new Fault(
          'ValidationError',
          `Stack:${existing.id} is in ${existing.status} state and can not be updated.`,
        );
      }
      const stack = existing ?? {
        id: `arn:aws:cloudformation:${REGION}:${ACCOUNT}:stack/${input.StackName}/${randomUUID()}`,
        name: input.StackName,
        status: 'REVIEW_IN_PROGRESS',
        parameters: {},
        tags: {},
        outputs: {},
        resources: new Map(),
        events: [],
        terminationProtection: false,
      };
      const parameters = Object.fromEntries(
        (input.Parameters || []).map(({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue]),
      );
      const tags = Object.fromEntries((input.Tags || []).map(({ Key, Value }) => [Key, Value]));
      refuseWithoutCapabilities(input);
      const evaluated = evaluateFor(stack, input.TemplateBody, parameters);
      if (!existing) stacks.push(stack);
      const changes = changesBetween(stack.resources, evaluated.resources);
      const isEmpty =
        stack.status !== 'REVIEW_IN_PROGRESS' &&
        changes.length === 0 &&
        isDeepStrictEqual(stack.outputs, evaluated.outputs) &&
        isDeepStrictEqual(stack.tags, tags);
      const id = `arn:aws:cloudformation:${REGION}:${ACCOUNT}:changeSet/${input.ChangeSetName}/${randomUUID()}`;
      stackNames.set(id, stack.name);
      changeSets.set(id, {
        id,
        name: input.ChangeSetName,
        stack,
        status: isEmpty ? 'FAILED' : 'CREATE_COMPLETE',
        reason: isEmpty
          ? "The submitted information didn't contain changes. Submit different information to create a change set."
          : undefined,
        changes,
        plan: { evaluated, parameters, tags },
      });
      return { Id: id, StackId: stack.id };
    },

    DescribeChangeSet({ ChangeSetName }: { ChangeSetName: string }) {
      const { id, name, stack, status, reason, changes } = changeSet(ChangeSetName);
      return {
        ChangeSetId: id,
        ChangeSetName: name,
        StackId: stack.id,
        StackName: stack.name,
        Status: status,
        StatusReason: reason,
        ExecutionStatus: status === 'FAILED' ? 'UNAVAILABLE' : 'AVAILABLE',
        Changes: changes.map((ResourceChange) => ({ Type: 'Resource', ResourceChange })),
      };
    },

    DeleteChangeSet({ ChangeSetName }: { ChangeSetName: string }) {
      changeSets.delete(ChangeSetName);
    },

    ExecuteChangeSet(input: { ChangeSetName: string; ClientRequestToken?: string }) {
      const set = changeSet(input.ChangeSetName);
      changeSets.delete(set.id);
      void execute(set, input.ClientRequestToken);
    },

    DescribeStacks({ StackName }: { StackName?: string }) {
      const found = StackName === undefined ? stacks : [need(StackName)];
      return {
        Stacks: found.map((stack) => ({
          StackId: stack.id,
          StackName: stack.name,
          StackStatus: stack.status,
          CreationTime: new Date(0),
          EnableTerminationProtection: stack.terminationProtection,
          Parameters: Object.entries(stack.parameters).map(([ParameterKey, ParameterValue]) => ({
            ParameterKey,
            ParameterValue,
          })),
          Outputs: Object.entries(stack.outputs).map(([OutputKey, OutputValue]) => ({
            OutputKey,
            OutputValue,
          })),
          Tags: Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value })),
        })),
      };
    },

    DescribeStackEvents: ({ StackName }: { StackName: string }) => ({ StackEvents: need(StackName).events }),

    DescribeStackResources({ StackName }: { StackName: string }) {
      const stack = need(StackName);
      const last = new Map(stack.events.toReversed().map((event) => [event.LogicalResourceId, event]));
      last.delete(stack.name);
      return {
        StackResources: [...last.values()].map((event) => ({
          StackId: stack.id,
          StackName: stack.name,
          LogicalResourceId: event.LogicalResourceId,
          PhysicalResourceId: event.PhysicalResourceId,
          ResourceType: event.ResourceType,
          ResourceStatus: event.ResourceStatus,
          Timestamp: event.Timestamp,
        })),
      };
    },

    DeleteStack(input: { StackName: string; ClientRequestToken?: string }) {
      const stack = find(input.StackName);
      if (!stack) return;
      if (stack.terminationProtection) {
        throw new Fault(
          'ValidationError',
          `Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`,
        );
      }
      void deleteAll(stack, input.ClientRequestToken);
    },

    UpdateTerminationProtection(input: { StackName: string; EnableTerminationProtection: string }) {
      const stack = need(input.StackName);
      stack.terminationProtection = input.EnableTerminationProtection === 'true';
      return { StackId: stack.id };
    },
  };

  return {
    operations,
    stack: find,
    stacks: (): readonly FakeStack[] => stacks,
    /** Of a stack's id or name, or a change set's id. */
    stackName: (id: string): string =>
      stackNames.get(id) ?? stacks.find((stack) => stack.id === id)?.name ?? id,
  };
}

function refuseWithoutCapabilities({ TemplateBody, Capabilities = [] }: CreateInput): void {
  const template = parseTemplate(TemplateBody);
  const needed = [
    ...(template.Transform === undefined ? [] : ['CAPABILITY_AUTO_EXPAND']),
    ...(Object.values(template.Resources).some(({ Type }) => Type === 'AWS::IAM::Role')
      ? ['CAPABILITY_IAM']
      : []),
  ];
  for (const capability of needed) {
    const isGiven =
      Capabilities.includes(capability) ||
      (capability === 'CAPABILITY_IAM' && Capabilities.includes('CAPABILITY_NAMED_IAM'));
    if (!isGiven)
      throw new Fault('InsufficientCapabilitiesException', `Requires capabilities : [${capability}]`);
  }
}

function changesBetween(
  before: ReadonlyMap<string, Deployed>,
  after: Readonly<Record<string, EvaluatedResource>>,
): ResourceChange[] {
  const changed = Object.entries(after).flatMap(([LogicalResourceId, resource]): ResourceChange[] => {
    const { Type: ResourceType } = resource;
    const old = before.get(LogicalResourceId)?.resource;
    if (!old) return [{ Action: 'Add', LogicalResourceId, ResourceType }];
    if (isDeepStrictEqual(old.Properties, resource.Properties)) return [];
    const Replacement = mustReplace(old, resource) ? 'True' : 'False';
    return [{ Action: 'Modify', LogicalResourceId, ResourceType, Replacement }];
  });
  const removed = [...before.values()]
    .filter(({ logicalId }) => !(logicalId in after))
    .map(({ logicalId, resource }): ResourceChange => ({
      Action: 'Remove',
      LogicalResourceId: logicalId,
      ResourceType: resource.Type,
    }));
  return [...changed, ...removed];
}
