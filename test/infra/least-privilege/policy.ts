import { matchesGlob } from './glob.ts';

/** A statement of a policy, as CloudFormation hands it to IAM once every reference in it has its value. */
export interface Statement {
  Sid?: string;
  Effect: 'Allow' | 'Deny';
  Action?: string | string[];
  NotAction?: string | string[];
  Resource?: string | string[];
  NotResource?: string | string[];
  /** Operator → key → values; YAML may have written a text as a boolean. */
  Condition?: Record<string, Record<string, string | boolean | string[]>>;
}

/** What somebody wants to do. */
export interface Access {
  /** As `s3:GetObject`. */
  action: string;
  /** An ARN. */
  resource: string;
  /** Values of the condition keys that this access has. */
  context: Record<string, string>;
}

/**
 * Whether statements let somebody do something: one must allow it and none deny it
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
 *
 * @throws for what IAM knows and this function does not, since either answer could be wrong
 */
export function isAllowed(statements: Statement[], access: Access): boolean {
  const applying = statements.filter((statement) => applies(statement, access));
  return (
    applying.some(({ Effect }) => Effect === 'Allow') && applying.every(({ Effect }) => Effect === 'Allow')
  );
}

function applies(statement: Statement, access: Access): boolean {
  return (
    covers(statement.Action, statement.NotAction, access.action.toLowerCase(), (text) =>
      text.toLowerCase(),
    ) &&
    covers(statement.Resource, statement.NotResource, access.resource, String) &&
    Object.entries(statement.Condition ?? {}).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) =>
        holds(operator, key, [values].flat().map(String), access),
      ),
    )
  );
}

/** Actions are matched without regard to case, resources with. */
function covers(
  included: string | string[] | undefined,
  excluded: string | string[] | undefined,
  name: string,
  normalise: (pattern: string) => string,
): boolean {
  const patterns = included ?? excluded;
  if (patterns === undefined) throw new Error('a statement says neither which actions nor which resources');
  const matched = list(patterns).some((pattern) => matchesGlob(withoutVariables(normalise(pattern)), name));
  return included === undefined ? !matched : matched;
}

/** Operators of https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATORS: Record<string, (value: string, wanted: string) => boolean> = {
  StringEquals: (value, wanted) => value === wanted,
  StringLike: (value, wanted) => matchesGlob(wanted, value),
  ArnEquals: matchesArn,
  ArnLike: matchesArn,
  Bool: (value, wanted) => value === wanted.toLowerCase(),
};

/** A condition on one key: any of its values will do. */
function holds(operator: string, key: string, wanted: string[], { context }: Access): boolean {
  const compare = OPERATORS[operator];
  if (!compare) throw new Error(`the condition operator ${operator} is not known here`);
  const value = context[key];
  // IAM takes an absent key as no match; whether it is absent in truth is not known here.
  if (value === undefined) throw new Error(`the condition key ${key} is not known here`);
  return wanted.some((text) => compare(value, withoutVariables(text)));
}

/** Each of the six parts of an ARN is matched by itself. */
function matchesArn(value: string, pattern: string): boolean {
  const [values, patterns] = [value, pattern].map((arn) => {
    const [prefix, partition, service, region, account, ...resource] = arn.split(':');
    return [prefix, partition, service, region, account, resource.join(':')].map((part = '') => part);
  });
  return (patterns ?? []).every((part, index) => matchesGlob(part, values?.[index] ?? ''));
}

/** What the pattern is, unless the value of a policy variable would decide. */
function withoutVariables(pattern: string): string {
  if (pattern.includes('${')) throw new Error(`policy variables are not known here: ${pattern}`);
  return pattern;
}

export function list(values: string | string[]): string[] {
  return Array.isArray(values) ? values : [values];
}
