import { aws } from './aws.ts';
import { type ChangeSet, createChangeSet, discard, execute, show } from './change-set.ts';
import { losesData } from './data-loss.ts';
import { type Environment, type Layer, stackName, STATEFUL_LAYERS } from './layers.ts';
import { say } from './log.ts';
import type { Values } from './parameters.ts';
import { deleteStack, findStack, isBusy, outputsOf, settled, type Stack } from './stack.ts';
import type { Template } from './template.ts';

/** CloudFormation could not bring a layer's stack to what the release wanted, and rolled it back. */
export class LayerFailed extends Error {
  override name = 'LayerFailed';
  /** The stack as it is now. */
  readonly left: Stack;

  constructor(left: Stack) {
    super(`${left.StackName} ended in ${left.StackStatus}`);
    this.left = left;
  }
}

/**
 * Brings a layer's stack to what its template and parameters say; does nothing when it is there already.
 *
 * @param options.stack as it is, by `usableStack`
 * @returns the stack's outputs
 * @throws {LayerFailed} when CloudFormation rolled it back
 * @throws when the change would cost an environment that protects its data just these
 */
export async function deployLayer(options: {
  environment: Environment;
  layer: Layer;
  stack: Stack | undefined;
  template: Template;
  parameters: Values;
  tags: Values;
  /** Whether data are to be guarded, and the stacks that hold them kept from deletion. */
  protect: boolean;
}): Promise<Values> {
  const { environment, layer, stack, template, parameters, tags } = options;
  const name = stackName(environment, layer);
  const changeSet = await createChangeSet({ name, stack, templateFile: template.file, parameters, tags });
  if (!changeSet) say('  nothing to do');
  const deployed = changeSet ? await apply(name, changeSet, options.protect) : stack;
  if (!deployed) throw new Error(`infra/${layer}.yml makes nothing`);
  if (options.protect && STATEFUL_LAYERS.includes(layer) && !deployed.EnableTerminationProtection) {
    aws('cloudformation update-termination-protection', {
      stackName: name,
      enableTerminationProtection: true,
    });
  }
  return outputsOf(deployed);
}

async function apply(name: string, changeSet: ChangeSet, protect: boolean): Promise<Stack> {
  show(changeSet.changes);
  const losses = losesData(changeSet.changes).map((change) => change.LogicalResourceId);
  if (protect && losses.length > 0 && !process.env['ALLOW_REPLACEMENT']) {
    discard(changeSet.id);
    throw new Error(
      `${name} would lose ${losses.join(', ')}. Nothing was changed. ` +
        'If that is meant, release it again with ALLOW_REPLACEMENT=true.',
    );
  }
  const deployed = await execute(changeSet);
  if (!/^(CREATE|UPDATE)_COMPLETE$/.test(deployed.StackStatus)) throw new LayerFailed(deployed);
  return deployed;
}

/**
 * The stack of a layer as a change set can be made for it: waits for what is under way, and deletes what is left of a
 * first creation that failed, with which nothing else can be done.
 *
 * @returns undefined when there is none
 * @throws when only a person can say how to go on
 */
export async function usableStack(environment: Environment, layer: Layer): Promise<Stack | undefined> {
  const name = stackName(environment, layer);
  const found = findStack(name);
  const stack = found && isBusy(found) ? await settled(found.StackId) : found;
  switch (stack?.StackStatus) {
    case undefined:
    case 'DELETE_COMPLETE':
      return undefined;
    case 'ROLLBACK_COMPLETE':
    case 'ROLLBACK_FAILED':
    case 'CREATE_FAILED':
      if (STATEFUL_LAYERS.includes(layer)) {
        throw new Error(
          `${name} failed when it was first made (${stack.StackStatus}). What it retained must be looked at before ` +
            `it is made again: remove that, then \`aws cloudformation delete-stack --stack-name ${name}\`.`,
        );
      }
      say(`${name} failed when it was first made: deleting it`);
      await deleteStack(stack);
      return undefined;
    case 'UPDATE_ROLLBACK_FAILED':
      throw new Error(
        `${name} could not be rolled back: \`aws cloudformation continue-update-rollback --stack-name ${name}\``,
      );
    case 'DELETE_FAILED':
      throw new Error(`${name} could not be deleted: ${stack.StackStatusReason ?? 'see its events'}`);
    default:
      return stack;
  }
}
