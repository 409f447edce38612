import type { Evaluated } from '../support/cloudformation/evaluate.ts';
import type { Template } from '../support/cloudformation/template.ts';

const NO_VALUE = Symbol('AWS::NoValue');

/**
 * A template with its switches decided: parameters are replaced by their values, and `Fn::If` by the branch that
 * they choose; references to resources stay. cdk-nag follows references but decides nothing, so of a property that a
 * parameter sets it would only say that it cannot be judged.
 *
 * @param open parameters that stay, since their values are not the owner's choice but other layers' resources
 */
export function withSwitches(template: Template, evaluated: Evaluated, open: ReadonlySet<string>): Template {
  const { parameters, conditions, resources } = evaluated;
  const declared = template.Parameters ?? {};
  const isDecided = (name: string): boolean => name in declared && !open.has(name);

  function decide(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(decide).filter((item) => item !== NO_VALUE);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name, argument] = entries[0] ?? [];
    if (name === 'Ref' && argument === 'AWS::NoValue') return NO_VALUE;
    if (name === 'Ref' && isDecided(String(argument))) return parameters[String(argument)];
    if (name === 'Fn::If') {
      const [condition, then, otherwise] = argument as [string, unknown, unknown];
      return decide(conditions[condition] ? then : otherwise);
    }
    if (name === 'Fn::Sub' && typeof argument === 'string') {
      const text = argument.replaceAll(/\$\{(\w+)\}/g, (whole, inner: string) =>
        isDecided(inner) ? String(parameters[inner]) : whole,
      );
      return { 'Fn::Sub': text };
    }
    const decided = entries.map(([key, item]) => [key, decide(item)] as const);
    return Object.fromEntries(decided.filter(([, item]) => item !== NO_VALUE));
  }

  const kept = Object.entries(template.Resources).filter(([id]) => id in resources);
  return {
    Parameters: Object.fromEntries(Object.entries(declared).filter(([name]) => !isDecided(name))),
    ...(template.Mappings ? { Mappings: template.Mappings } : {}),
    Resources: Object.fromEntries(
      kept.map(([id, { Condition: _condition, DependsOn: _dependsOn, ...resource }]) => [
        id,
        decide(resource),
      ]),
    ) as Template['Resources'],
  };
}
