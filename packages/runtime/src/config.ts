import { type Static, type TObject, type TSchema, Type } from 'typebox';
import { Errors } from 'typebox/schema';

/** The configuration cannot be used; `problems` names every setting that is wrong, not only the first. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`configuration: ${problems.join('; ')}`);
    this.problems = problems;
  }
}

/**
 * Reads a service's settings from the environment, once, before anything starts.
 *
 * An empty variable counts as unset: Compose and task definitions pass `NAME=` for what nobody chose.
 *
 * @param schema every setting, with `description` (the environment table in docs/ is made from it)
 * @param rules what one setting demands of another; each returned sentence is a problem. Asked even when the schema
 *   was not met: let it look only at what is there
 * @throws {ConfigError} naming every problem at once
 */
export function loadConfig<T extends TObject>(
  schema: T,
  env: NodeJS.ProcessEnv = process.env,
  rules: (config: Static<T>) => string[] = () => [],
): Static<T> {
  const settings = Object.entries<Setting>(schema.properties);
  const values = settings.map(([name, setting]) => [name, valueOf(setting, env[name])] as const);
  const config = Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Static<T>;
  // Interpreted: Ajv's code for a validator that is used once took a tenth of the api's start.
  const [, errors] = Errors(schema, config);
  const problems = [...errors.flatMap((error) => describe(error, schema)), ...rules(config)];
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

/** A setting's schema, as far as it is read here. */
type Setting = TSchema & { type?: string; default?: unknown; description?: string };

function valueOf({ type, default: byDefault }: Setting, text = ''): unknown {
  if (text === '') return byDefault;
  const number = type === 'integer' || type === 'number' ? Number(text) : NaN;
  return Number.isNaN(number) ? text : number;
}

function describe(error: ReturnType<typeof Errors>[1][number], { properties }: TObject): string[] {
  if (error.keyword === 'required') {
    return error.params.requiredProperties.map((name) => {
      const { description = 'required' } = properties[name] as Setting;
      return `${name} is not set (${description})`;
    });
  }
  const message =
    error.keyword === 'enum' ? `must be one of ${error.params.allowedValues.join(', ')}` : error.message;
  return [`${error.instancePath.slice(1)} ${message}`];
}

/** A string setting with one of a few values: JSON Schema's `enum`, which reads better in errors than `anyOf`. */
export function Choice<const V extends string>(values: readonly V[], options: object) {
  return Type.Unsafe<V>({ type: 'string', enum: [...values], ...options });
}
