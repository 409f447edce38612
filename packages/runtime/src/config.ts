import { Ajv } from 'ajv';
import { type Static, type TObject, Type } from 'typebox';

/** The configuration cannot be used; `problems` names every setting that is wrong, not only the first. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/** One problem as Ajv reports it, as far as it is read here. */
interface SchemaProblem {
  keyword: string;
  instancePath: string;
  message?: string;
  params: { missingProperty?: string; allowedValues?: readonly unknown[] };
}

/**
 * Reads a service's settings from the environment, once, before anything starts.
 *
 * An empty variable counts as unset: Compose and task definitions pass `NAME=` for what nobody chose.
 *
 * @param schema every setting, with `description` (the environment table in docs/ is made from it)
 * @param rules what one setting demands of another; each returned sentence is a problem. Asked even when the schema
 *   was not met, and then given the environment as it is: let it look only at what is there
 * @throws {ConfigError} naming every problem at once
 */
export function loadConfig<T extends TObject>(
  schema: T,
  env: NodeJS.ProcessEnv = process.env,
  rules: (config: Static<T>) => string[] = () => [],
): Static<T> {
  const data = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const { config, problems } = validated(schema, data);
  problems.push(...rules(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function validated<T extends TObject>(schema: T, data: Record<string, unknown>) {
  // TypeBox made the schema: to check that it is one would take longer than all else here.
  const trusted = { meta: false, validateSchema: false };
  const ajv = new Ajv({
    allErrors: true,
    removeAdditional: true,
    useDefaults: true,
    coerceTypes: true,
    ...trusted,
  });
  const config = structuredClone(data);
  const validate = ajv.compile<Static<T>>({ ...schema, additionalProperties: false });
  if (validate(config)) return { config, problems: [] as string[] };
  const errors = (validate.errors ?? []) as SchemaProblem[];
  return { config: data as Static<T>, problems: errors.map((problem) => describe(problem, schema)) };
}

function describe(problem: SchemaProblem, schema: TObject): string {
  const name = problem.params.missingProperty ?? problem.instancePath.slice(1);
  const about: { description?: string } = schema.properties[name] ?? {};
  if (problem.keyword === 'required') return `${name} is not set (${about.description ?? 'required'})`;
  const allowed = problem.params.allowedValues;
  return `${name} ${allowed ? `must be one of ${allowed.join(', ')}` : problem.message}`;
}

/** A string setting with one of a few values: JSON Schema's `enum`, which reads better in errors than `anyOf`. */
export function Choice<const V extends string>(values: readonly V[], options: object) {
  return Type.Unsafe<V>({ type: 'string', enum: [...values], ...options });
}
