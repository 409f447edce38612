import type { FastifyError, FastifySchemaValidationError } from 'fastify';
import type { MemberError } from './errors.ts';

/** Enough to mend a request by; keeps the answer to a body of ten thousand unknown members small. */
const MAX_ERRORS = 20;
/** As many of Ajv's errors are looked at: more than become ours, since a union brings one for each branch. */
const MAX_FAILURES = 200;

const PREFIX: Record<string, string> = {
  body: '',
  querystring: '/query',
  params: '/path',
  headers: '/headers',
};

/** Ajv's errors as pointers that a client can use, without repetitions. */
export function memberErrors(error: FastifyError): MemberError[] {
  const prefix = PREFIX[error.validationContext ?? 'body'] ?? '';
  const failures = (error.validation ?? []).slice(0, MAX_FAILURES);
  const found = withoutUnionBranches(failures).map((failure) => ({
    pointer: prefix + pointerTo(failure),
    detail: describe(failure),
  }));
  const distinct = new Map(found.map((each) => [`${each.pointer} ${each.detail}`, each]));
  return [...distinct.values()].slice(0, MAX_ERRORS);
}

/** Ajv reports the branches of a union beside the union itself: only the latter helps, if it names the choices. */
function withoutUnionBranches(
  failures: readonly FastifySchemaValidationError[],
): FastifySchemaValidationError[] {
  const unions = failures.filter(({ keyword }) => keyword === 'anyOf');
  const branchesOf = (union: FastifySchemaValidationError): FastifySchemaValidationError[] =>
    failures.filter(
      ({ schemaPath, instancePath }) =>
        schemaPath.startsWith(`${union.schemaPath}/`) && instancePath.startsWith(union.instancePath),
    );
  const dropped = new Set(unions.flatMap(branchesOf));
  return failures
    .filter((failure) => !dropped.has(failure))
    .map((failure) =>
      failure.keyword === 'anyOf'
        ? Object.assign(failure, { params: { choices: branchesOf(failure).map(choice) } })
        : failure,
    );
}

function choice({ keyword, params, message }: FastifySchemaValidationError): string {
  return keyword === 'const' ? JSON.stringify(params['allowedValue']) : (message ?? keyword);
}

function pointerTo({ keyword, instancePath, params }: FastifySchemaValidationError): string {
  const { missingProperty, additionalProperty } = params as Record<string, string | undefined>;
  const member =
    keyword === 'required'
      ? missingProperty
      : keyword === 'additionalProperties'
        ? additionalProperty
        : undefined;
  if (member === undefined) return instancePath;
  // RFC 6901: ~ and / inside a name.
  return `${instancePath}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function describe({ keyword, params, message }: FastifySchemaValidationError): string {
  switch (keyword) {
    case 'required':
      return 'is required';
    case 'additionalProperties':
      return 'is not a known member';
    case 'enum':
      return `must be one of ${(params['allowedValues'] as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'anyOf':
      return `must be one of ${(params['choices'] as string[]).join(', ')}`;
    default:
      return message ?? keyword;
  }
}
