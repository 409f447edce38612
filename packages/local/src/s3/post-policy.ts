import { S3Error } from './errors.ts';

/** What a browser's form may upload, as its signer decided. */
export interface PostPolicy {
  /** Milliseconds since 1970. */
  expiration: number;
  conditions: FieldCondition[];
  /** In bytes: the file's size, if the policy bounds it. */
  size: { min?: number; max?: number };
}

interface FieldCondition {
  operator: 'eq' | 'starts-with';
  /** Lower-case. */
  field: string;
  value: string;
}

/** Fields that a policy need not mention; those that begin with x-ignore- too. */
const FREE_FIELDS = new Set(['policy', 'x-amz-signature', 'file']);

/**
 * Reads a policy from its Base64.
 *
 * @throws S3Error InvalidPolicyDocument
 */
export function readPolicy(base64: string): PostPolicy {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(base64, 'base64').toString());
  } catch {
    throw invalid('it is not JSON in Base64');
  }
  if (!isRecord(document)) throw invalid('it is not an object');
  const expiration = Date.parse(String(document['expiration']));
  if (Number.isNaN(expiration)) throw invalid("'expiration' must be an ISO 8601 date");
  if (!Array.isArray(document['conditions'])) throw invalid("'conditions' must be a list");
  const policy: PostPolicy = { expiration, conditions: [], size: {} };
  for (const condition of document['conditions'] as unknown[]) addCondition(policy, condition);
  return policy;
}

/**
 * Checks a form against its policy; the file's size is left to who reads the file.
 *
 * @param fields by lower-case name, with `bucket` being the one that is uploaded to
 * @throws S3Error AccessDenied
 */
export function checkPolicy(policy: PostPolicy, fields: ReadonlyMap<string, string>): void {
  if (policy.expiration <= Date.now()) throw denied('Policy expired.');
  for (const { operator, field, value } of policy.conditions) {
    const given = fields.get(field) ?? '';
    const holds = operator === 'eq' ? given === value : given.startsWith(value);
    if (!holds) throw denied(`Policy Condition failed: ${JSON.stringify([operator, `$${field}`, value])}`);
  }
  const covered = new Set(policy.conditions.map(({ field }) => field));
  for (const name of fields.keys()) {
    if (FREE_FIELDS.has(name) || name.startsWith('x-ignore-') || covered.has(name)) continue;
    throw denied(`Extra input fields: ${name}`);
  }
}

function addCondition(policy: PostPolicy, condition: unknown): void {
  if (isRecord(condition)) {
    for (const [field, value] of Object.entries(condition)) {
      policy.conditions.push({ operator: 'eq', field: field.toLowerCase(), value: text(value) });
    }
    return;
  }
  if (!Array.isArray(condition) || condition.length !== 3)
    throw invalid('a condition must be an object or a triple');
  const [operator, first, second] = condition as [unknown, unknown, unknown];
  const name = text(operator).toLowerCase();
  if (name === 'content-length-range') {
    const [min, max] = [Number(first), Number(second)];
    if (!Number.isInteger(min) || !Number.isInteger(max))
      throw invalid('content-length-range takes two integers');
    policy.size = {
      min: Math.max(min, policy.size.min ?? 0),
      max: Math.min(max, policy.size.max ?? Number.POSITIVE_INFINITY),
    };
  } else if ((name === 'eq' || name === 'starts-with') && text(first).startsWith('$')) {
    policy.conditions.push({
      operator: name,
      field: text(first).slice(1).toLowerCase(),
      value: text(second),
    });
  } else throw invalid(`'${text(operator)}' is no condition`);
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw invalid('a condition compares with strings only');
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid(reason: string): S3Error {
  return new S3Error('InvalidPolicyDocument', `Invalid Policy: ${reason}.`);
}

function denied(reason: string): S3Error {
  return new S3Error('AccessDenied', `Invalid according to Policy: ${reason}`);
}
