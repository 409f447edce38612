import { type CollectionTag, Pair, parseDocument, type ScalarTag, YAMLMap } from 'yaml';

/** A CloudFormation template, as far as the embedded stack reads one. */
export interface Template {
  Parameters?: Record<string, { Type: string; Default?: string }>;
  Conditions?: Record<string, unknown>;
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>;
  Outputs?: Record<string, { Value: unknown }>;
}

/** Gives `Ref` (no attribute) and `Fn::GetAtt` of a logical id, and whether a condition holds. */
export type Lookup = (logicalId: string, attribute?: string) => unknown;

const shortForm = (tag: string, name: string): ScalarTag => ({ tag, resolve: (text) => ({ [name]: text }) });

const shortFormOfList = (tag: string, name: string): CollectionTag => ({
  tag,
  collection: 'seq',
  resolve(list) {
    const map = new YAMLMap();
    map.add(new Pair(name, list));
    return map;
  },
});

/**
 * Parses a template's YAML with the short forms of the intrinsic functions it may use.
 *
 * @throws for any other short form, and for what is no YAML
 */
export function parseTemplate(yaml: string): Template {
  const customTags = [
    shortForm('!Ref', 'Ref'),
    shortForm('!GetAtt', 'Fn::GetAtt'),
    shortForm('!Sub', 'Fn::Sub'),
    shortFormOfList('!If', 'Fn::If'),
    shortFormOfList('!Equals', 'Fn::Equals'),
    shortFormOfList('!Not', 'Fn::Not'),
  ];
  const document = parseDocument(yaml, { customTags });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new Error(`the template cannot be read: ${problem.message}`);
  return document.toJS() as Template;
}

/**
 * Resolves `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::If`, `Fn::Equals` and `Fn::Not` in a value. `AWS::NoValue` becomes
 * undefined.
 *
 * @throws for any other intrinsic function: what the embedded stack cannot do, it says
 */
export function resolve(value: unknown, lookup: Lookup): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, lookup));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  const [name, argument] = entries[0] ?? [];
  if (entries.length === 1 && name === 'Ref') return lookup(String(argument));
  if (entries.length === 1 && name === 'Fn::GetAtt') return getAtt([argument].flat().join('.'), lookup);
  if (entries.length === 1 && name === 'Fn::Sub' && typeof argument === 'string') {
    return argument.replaceAll(/\$\{([^}]+)\}/g, (_, inner: string) => String(getAtt(inner, lookup)));
  }
  if (entries.length === 1 && Array.isArray(argument)) {
    const [first, second, third] = argument as unknown[];
    if (name === 'Fn::If') return resolve(lookup(String(first)) ? second : third, lookup);
    if (name === 'Fn::Equals') return resolve(first, lookup) === resolve(second, lookup);
    if (name === 'Fn::Not') return !resolve(first, lookup);
  }
  if (name?.startsWith('Fn::'))
    throw new Error(`the embedded stack does not know ${name} of ${JSON.stringify(argument)}`);
  return Object.fromEntries(entries.map(([key, item]) => [key, resolve(item, lookup)]));
}

/** `Name`, `Name.Attribute`, or a pseudo parameter such as `AWS::Region`. */
function getAtt(text: string, lookup: Lookup): unknown {
  const [logicalId = '', ...attribute] = text.split('.');
  return attribute.length > 0 ? lookup(logicalId, attribute.join('.')) : lookup(logicalId);
}
