import { LAYERS } from '../../scripts/deploy/layers.ts';
import { type EvaluatedLayer, evaluateEnvironment } from '../support/cloudformation/environment.ts';
import type { EvaluatedResource } from '../support/cloudformation/evaluate.ts';
import { type Scenario, VARIANTS } from './scenarios.ts';

/** A resource of a stack, its properties as the test declares to read them. */
export interface Found<Properties> {
  /** Scenario, layer and logical id, for messages. */
  where: string;
  id: string;
  stack: EvaluatedLayer;
  resource: EvaluatedResource;
  properties: Properties;
}

/** The stacks of a scenario, in the order they are deployed. */
export function stacksOf({ environment, overrides }: Scenario): EvaluatedLayer[] {
  const layers = evaluateEnvironment(environment, overrides);
  return LAYERS.map((layer) => layers[layer]);
}

/** Every resource of a type in every stack of every variant. */
export const RESOURCES = VARIANTS.flatMap((scenario) =>
  stacksOf(scenario).map((stack) => ({ scenario, stack })),
);

export function resourcesOfType<Properties = Record<string, unknown>>(
  ...types: string[]
): Found<Properties>[] {
  return RESOURCES.flatMap(({ scenario, stack }) => inStack<Properties>(stack, types, scenario.name));
}

/** Every resource of a type in a stack. */
export function inStack<Properties = Record<string, unknown>>(
  stack: EvaluatedLayer,
  types: readonly string[],
  scenario = stack.stackName,
): Found<Properties>[] {
  return Object.entries(stack.resources)
    .filter(([, { Type }]) => types.includes(Type))
    .map(([id, resource]) => ({
      where: `${scenario}: ${stack.stackName.replace(/^stowage-[a-z0-9]+-/, '')}.yml ${id}`,
      id,
      stack,
      resource,
      properties: resource.Properties as Properties,
    }));
}
