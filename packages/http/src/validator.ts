import { AjvCompiler } from '@fastify/ajv-compiler';
import type { BuildCompilerFromPool } from '@fastify/ajv-compiler';

/** Fastify's own defaults strip unknown members and turn `"5"` into 5 silently. A client is better told. */
const STRICT = { allErrors: true, removeAdditional: false, useDefaults: true, coerceTypes: false } as const;
/**
 * The schemas are TypeBox's: to check them against JSON Schema's own would only take 50 ms of each start. To tidy the code
 * made of them up takes as long as half of making it, and V8 does that by itself.
 */
const TRUSTED = { meta: false, validateSchema: false, code: { optimize: false } } as const;
/**
 * Ajv converts `1e999` to Infinity, takes that for an integer, and by default holds only finite numbers against their
 * bounds. So bounds it needs: every number in a query, a path or a header must have both.
 */
const CONVERTING = { coerceTypes: true, strictNumbers: false } as const;
const build = AjvCompiler();

type Validator = ReturnType<ReturnType<typeof build>>;

/**
 * Validators for requests: bodies are taken as they are; query, path and headers are text, so numbers and booleans in
 * them are converted. All errors are reported, not the first only; the body limit bounds that work.
 */
export const buildValidator: BuildCompilerFromPool = (externalSchemas) => {
  const strict = build(externalSchemas, { customOptions: { ...STRICT, ...TRUSTED } });
  const converting = build(externalSchemas, { customOptions: { ...STRICT, ...TRUSTED, ...CONVERTING } });
  // Fastify passes the schema together with the part of the request that it is for; the types know the schema only.
  return (route) =>
    lazily(() => ((route as { httpPart?: string }).httpPart === 'body' ? strict : converting)(route));
};

/** Compiles a validator when it is first asked: all of them together would take a tenth of a start. */
function lazily(compile: () => Validator): Validator {
  let compiled: Validator | undefined;
  const validate = (data: unknown): boolean => {
    compiled ??= compile();
    const valid = compiled(data) as boolean;
    (validate as Validator).errors = compiled.errors;
    return valid;
  };
  return validate as Validator;
}
