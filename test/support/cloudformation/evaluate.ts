import { subdivide } from './cidr.ts';
import { parameterValues, type ParameterValue } from './parameters.ts';
import { attributeOf, refOf, type Stack, stackId } from './physical.ts';
import { splitAttribute, type Template } from './template.ts';

/** A resource whose condition holds, with every intrinsic function resolved. */
export interface EvaluatedResource {
  Type: string;
  Properties: Record<string, unknown>;
  /** Logical ids of the resources that it names in DependsOn and that exist. */
  DependsOn: string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  /** Its other attributes (Metadata, UpdatePolicy, …). */
  [attribute: string]: unknown;
}

export interface Evaluated {
  parameters: Record<string, ParameterValue>;
  conditions: Record<string, boolean>;
  resources: Record<string, EvaluatedResource>;
  outputs: Record<string, string>;
}

export interface EvaluateOptions {
  /** As a deployment passes them: texts, lists as comma-joined texts. */
  parameters?: Readonly<Record<string, string>>;
  stackName?: string;
  region?: string;
  accountId?: string;
  /**
   * Gives `Fn::GetAtt` of a resource, or `Ref` when `attribute` is undefined. Undefined takes what is made up here. A
   * resource is evaluated before whoever refers to it, so that a fake AWS may create it in here.
   */
  attribute?: (logicalId: string, attribute: string | undefined, resource: EvaluatedResource) => unknown;
}

/** Stands for `AWS::NoValue` until the property or the item that has it is left out. */
const NO_VALUE = Symbol('AWS::NoValue');

/**
 * Does with a template what CloudFormation does before it creates anything: checks parameters and rules, decides the
 * conditions, leaves out what they exclude, and resolves every intrinsic function. Dynamic references
 * (`{{resolve:…}}`) stay text.
 *
 * @throws for parameters that do not fit, references to what there is not, circular ones, and functions that
 *   CloudFormation has but this does not
 */
export function evaluate(template: Template, options: EvaluateOptions = {}): Evaluated {
  const stack: Stack = {
    name: options.stackName ?? 'stack',
    region: options.region ?? 'us-east-1',
    accountId: options.accountId ?? '123456789012',
  };
  const parameters = parameterValues(template.Parameters ?? {}, options.parameters ?? {});
  const pseudo: Record<string, unknown> = {
    'AWS::AccountId': stack.accountId,
    'AWS::NoValue': NO_VALUE,
    'AWS::NotificationARNs': [],
    'AWS::Partition': 'aws',
    'AWS::Region': stack.region,
    'AWS::StackId': stackId(stack),
    'AWS::StackName': stack.name,
    'AWS::URLSuffix': 'amazonaws.com',
  };

  const conditions: Record<string, boolean> = {};
  const condition = once('condition', (name: string): boolean => {
    const declared = template.Conditions?.[name];
    if (declared === undefined) throw new Error(`there is no condition ${name}`);
    return (conditions[name] = truth(declared));
  });

  const resource = once('resource', (logicalId: string): EvaluatedResource => {
    const declared = template.Resources[logicalId];
    if (!declared) throw new Error(`there is no parameter or resource ${logicalId}`);
    if (declared.Condition !== undefined && !condition(declared.Condition)) {
      throw new Error(
        `${logicalId} is referred to, though its condition ${declared.Condition} does not hold`,
      );
    }
    const { Type, Condition: _, DependsOn, Properties = {}, ...attributes } = declared;
    const resolved = resolve({ Properties, ...attributes }) as { Properties: Record<string, unknown> };
    return { Type, DependsOn: [DependsOn ?? []].flat().filter(exists), ...resolved };
  });

  function exists(logicalId: string): boolean {
    const declared = template.Resources[logicalId];
    if (!declared) throw new Error(`there is no resource ${logicalId}`);
    return declared.Condition === undefined || condition(declared.Condition);
  }

  function ref(name: string): unknown {
    if (name in pseudo) return pseudo[name];
    if (name in parameters) return parameters[name];
    const target = resource(name);
    return options.attribute?.(name, undefined, target) ?? refOf(name, target, stack);
  }

  function getAtt(logicalId: string, attribute: string): unknown {
    const target = resource(logicalId);
    return (
      options.attribute?.(logicalId, attribute, target) ?? attributeOf(logicalId, attribute, target, stack)
    );
  }

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve).filter((item) => item !== NO_VALUE);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value);
    const [name = '', argument] = entries[0] ?? [];
    if (name === 'Ref' || name.startsWith('Fn::')) {
      if (entries.length > 1) throw new Error(`${name} stands beside ${entries[1]?.[0]}`);
      return call(name, argument);
    }
    const resolved = entries.map(([key, item]) => [key, resolve(item)] as const);
    return Object.fromEntries(resolved.filter(([, item]) => item !== NO_VALUE));
  }

  function call(name: string, argument: unknown): unknown {
    switch (name) {
      case 'Ref':
        return ref(text(argument));
      case 'Fn::GetAtt': {
        const [logicalId, attribute] =
          typeof argument === 'string' ? splitAttribute(argument) : list(argument);
        return getAtt(text(logicalId), text(resolve(attribute)));
      }
      case 'Fn::If': {
        const [holds, then, otherwise] = list(argument, 3);
        return resolve(condition(text(holds)) ? then : otherwise);
      }
      case 'Fn::Sub':
        return substitute(argument);
      case 'Fn::Join': {
        const [delimiter, items] = list(argument, 2);
        return list(resolve(items)).map(text).join(text(delimiter));
      }
      case 'Fn::Split': {
        const [delimiter, whole] = list(argument, 2);
        return text(resolve(whole)).split(text(delimiter));
      }
      case 'Fn::Select': {
        const [index, items] = list(argument, 2).map(resolve);
        const item = list(items)[Number(index)];
        if (item === undefined)
          throw new Error(`there is no item ${text(index)} in ${JSON.stringify(items)}`);
        return item;
      }
      case 'Fn::FindInMap': {
        const [map, first, second] = list(argument, 3).map((key) => text(resolve(key)));
        const found = template.Mappings?.[map ?? '']?.[first ?? '']?.[second ?? ''];
        if (found === undefined) throw new Error(`there is no ${first}.${second} in the mapping ${map}`);
        return found;
      }
      case 'Fn::Cidr': {
        const [block, count, hostBits = 8] = list(argument).map(resolve);
        return subdivide(text(block), Number(count), Number(hostBits));
      }
      case 'Fn::GetAZs': {
        const region = text(resolve(argument)) || stack.region;
        return ['a', 'b', 'c'].map((zone) => `${region}${zone}`);
      }
      case 'Fn::Base64':
        return Buffer.from(text(resolve(argument))).toString('base64');
      case 'Fn::And':
      case 'Fn::Equals':
      case 'Fn::Not':
      case 'Fn::Or':
        return truth({ [name]: argument });
      default:
        throw new Error(`${name} is not known here`);
    }
  }

  /** A condition, or a function that makes one of others. */
  function truth(value: unknown): boolean {
    const [name = '', argument] = Object.entries(value as object)[0] ?? [];
    switch (name) {
      case 'Condition':
        return condition(text(argument));
      case 'Fn::Equals': {
        const [one, other] = list(argument, 2).map(resolve);
        return textOrList(one) === textOrList(other);
      }
      case 'Fn::Not':
        return !truth(list(argument, 1)[0]);
      case 'Fn::And':
        return list(argument).every(truth);
      case 'Fn::Or':
        return list(argument).some(truth);
      // In rules only.
      case 'Fn::Contains': {
        const [values, wanted] = list(argument, 2).map(resolve);
        return list(values).map(text).includes(text(wanted));
      }
      default:
        throw new Error(`${JSON.stringify(value)} is no condition`);
    }
  }

  function substitute(argument: unknown): string {
    const [pattern, given = {}] = typeof argument === 'string' ? [argument] : list(argument);
    const variables = given as Record<string, unknown>;
    return text(pattern).replaceAll(/\$\{([^}]+)\}/g, (_, inner: string) => {
      const name = inner.trim();
      if (name.startsWith('!')) return `\${${name.slice(1)}}`;
      if (name in variables) return text(resolve(variables[name]));
      return text(name.includes('.') ? getAtt(...splitAttribute(name)) : ref(name));
    });
  }

  for (const { RuleCondition, Assertions } of Object.values(template.Rules ?? {})) {
    if (RuleCondition !== undefined && !truth(RuleCondition)) continue;
    for (const { Assert, AssertDescription } of Assertions) {
      if (!truth(Assert)) throw new Error(`parameters: ${AssertDescription ?? JSON.stringify(Assert)}`);
    }
  }
  for (const name of Object.keys(template.Conditions ?? {})) condition(name);
  const resources = Object.keys(template.Resources)
    .filter(exists)
    .map((logicalId) => [logicalId, resource(logicalId)] as const);
  const outputs = Object.entries(template.Outputs ?? {})
    .filter(([, { Condition }]) => Condition === undefined || condition(Condition))
    .map(([name, { Value }]) => [name, text(resolve(Value))] as const);
  return {
    parameters,
    conditions,
    resources: Object.fromEntries(resources),
    outputs: Object.fromEntries(outputs),
  };
}

/** Remembers what was worked out, and notices when working it out needs itself. */
function once<T>(what: string, work: (name: string) => T): (name: string) => T {
  const done = new Map<string, T>();
  const underWay = new Set<string>();
  return (name) => {
    const known = done.get(name);
    if (known !== undefined) return known;
    if (underWay.has(name))
      throw new Error(`the ${what} ${name} depends on itself: ${[...underWay].join(' → ')}`);
    underWay.add(name);
    const value = work(name);
    underWay.delete(name);
    done.set(name, value);
    return value;
  };
}

function list(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) {
    throw new Error(`${JSON.stringify(value)} is no list${length === undefined ? '' : ` of ${length}`}`);
  }
  return value;
}

function text(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  throw new Error(`${typeof value === 'symbol' ? 'AWS::NoValue' : JSON.stringify(value)} is no text`);
}

/** What `Fn::Equals` compares: numbers and booleans by their text. */
function textOrList(value: unknown): string {
  return Array.isArray(value) ? JSON.stringify(value) : text(value);
}
