import { type EvaluatedLayer, evaluateEnvironment } from '../support/cloudformation/environment.ts';
import type { EvaluatedResource } from '../support/cloudformation/evaluate.ts';
import { refOf } from '../support/cloudformation/physical.ts';
import { LAYERS, type Layer } from '../../scripts/deploy/layers.ts';
import { type Scenario, VARIANTS } from './scenarios.ts';

/** A resource of a stack, its properties as a test declares to read them. */
export interface Found<Properties> {
  /** Scenario, template and logical id, for messages. */
  where: string;
  id: string;
  /** What `Ref` gives. */
  ref: string;
  stack: Stack;
  resource: EvaluatedResource;
  properties: Properties;
}

/** A layer of a scenario as it would be deployed. */
export interface Stack extends EvaluatedLayer {
  layer: Layer;
  scenario: Scenario;
}

/** The stacks of a scenario, in the order they are deployed. */
export function stacksOf(scenario: Scenario): Stack[] {
  const layers = evaluateEnvironment(scenario.environment, scenario.overrides);
  return LAYERS.map((layer) => Object.assign({ layer, scenario }, layers[layer]));
}

/** Every stack of every variant. */
export function allStacks(): Stack[] {
  return VARIANTS.flatMap(stacksOf);
}

/** Every resource of some types in some stacks. */
export function resourcesIn<Properties = Record<string, unknown>>(
  stacks: readonly Stack[],
  ...types: string[]
): Found<Properties>[] {
  return stacks.flatMap((stack) =>
    Object.entries(stack.resources)
      .filter(([, { Type }]) => types.includes(Type))
      .map(([id, resource]) => ({
        where: `${stack.scenario.name}: ${stack.layer}.yml ${id}`,
        id,
        ref: refOf(id, resource, { name: stack.stackName, region: 'us-east-1', accountId: '123456789012' }),
        stack,
        resource,
        properties: resource.Properties as Properties,
      })),
  );
}
