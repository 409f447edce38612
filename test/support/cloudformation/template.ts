import { readFileSync } from 'node:fs';
import { type CollectionTag, Pair, parseDocument, type ScalarTag, visit, YAMLMap } from 'yaml';

/** A parameter's declaration. The limits are as the template writes them: numbers, or numbers in quotes. */
export interface ParameterDeclaration {
  Type: string;
  Default?: string | number;
  Description?: string;
  AllowedValues?: (string | number)[];
  AllowedPattern?: string;
  ConstraintDescription?: string;
  MinLength?: number | string;
  MaxLength?: number | string;
  MinValue?: number | string;
  MaxValue?: number | string;
  NoEcho?: boolean | string;
}

export interface ResourceDeclaration {
  Type: string;
  Condition?: string;
  DependsOn?: string | string[];
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Metadata?: Record<string, unknown>;
  Properties?: Record<string, unknown>;
  [attribute: string]: unknown;
}

/** What parameters must meet together. */
export interface RuleDeclaration {
  RuleCondition?: unknown;
  Assertions: { Assert: unknown; AssertDescription?: string }[];
}

export interface OutputDeclaration {
  Value: unknown;
  Description?: string;
  Condition?: string;
  Export?: unknown;
}

/** A CloudFormation template in its long form: `{ Ref: … }` and `{ 'Fn::…': … }` wherever the file has a short form. */
export interface Template {
  Description?: string;
  Metadata?: Record<string, unknown>;
  Transform?: string | string[];
  Parameters?: Record<string, ParameterDeclaration>;
  Mappings?: Record<string, Record<string, Record<string, unknown>>>;
  Conditions?: Record<string, unknown>;
  Rules?: Record<string, RuleDeclaration>;
  Resources: Record<string, ResourceDeclaration>;
  Outputs?: Record<string, OutputDeclaration>;
}

const FUNCTIONS = [
  'And',
  'Base64',
  'Cidr',
  'Contains',
  'Equals',
  'FindInMap',
  'GetAZs',
  'GetAtt',
  'If',
  'ImportValue',
  'Join',
  'Not',
  'Or',
  'Select',
  'Split',
  'Sub',
];

const longForm: Record<string, string> = {
  '!Ref': 'Ref',
  '!Condition': 'Condition',
  ...Object.fromEntries(FUNCTIONS.map((name) => [`!${name}`, `Fn::${name}`])),
};

/** A short form may stand before a text, a list or a map (`!ImportValue { Fn::Sub: … }`). */
const shortForms = Object.entries(longForm).flatMap(([tag, name]): (ScalarTag | CollectionTag)[] => {
  const wrap: CollectionTag['resolve'] = (argument) => {
    const map = new YAMLMap();
    map.add(new Pair(name, argument));
    return map;
  };
  return [
    { tag, resolve: (text) => ({ [name]: name === 'Fn::GetAtt' ? splitAttribute(text) : text }) },
    { tag, collection: 'seq', resolve: wrap },
    { tag, collection: 'map', resolve: wrap },
  ];
});

/** `Queue.Arn` as `['Queue', 'Arn']`; what follows the first dot is the attribute, dots and all. */
export function splitAttribute(text: string): [logicalId: string, attribute: string] {
  const dot = text.indexOf('.');
  if (dot < 1) throw new Error(`“${text}” names no attribute: write LogicalId.Attribute`);
  return [text.slice(0, dot), text.slice(dot + 1)];
}

/**
 * Parses a template's YAML into its long form.
 *
 * @throws for what is no YAML, a key that comes twice, a short form that CloudFormation does not have, and anchors and
 *   aliases, which CloudFormation refuses
 */
export function parseTemplate(yaml: string): Template {
  const document = parseDocument(yaml, { customTags: shortForms, uniqueKeys: true });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new Error(`the template cannot be read: ${problem.message}`);
  visit(document, {
    Alias(_key, { source }) {
      throw new Error(`the template has the alias *${source}: CloudFormation takes none`);
    },
    Node(_key, { anchor }) {
      if (anchor) throw new Error(`the template has the anchor &${anchor}: CloudFormation takes none`);
    },
  });
  return document.toJS() as Template;
}

/** Reads a template's file. @throws as `parseTemplate`, naming the file */
export function loadTemplate(path: string): Template {
  try {
    return parseTemplate(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}
