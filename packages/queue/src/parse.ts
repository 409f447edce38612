import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { TLocalizedValidationError } from 'typebox/error';
import { Poison } from './outcomes.ts';

/**
 * Makes a consumer's `parse` from a schema of its messages, usually a union told apart by a literal `type`.
 *
 * The function it returns throws {@link Poison} for what is not JSON or does not match, saying why.
 */
export function messageParser<Schema extends TSchema>(schema: Schema): (body: string) => Static<Schema> {
  const validator = Compile(schema);
  return (body) => {
    const value = parseJson(body);
    if (validator.Check(value)) return value;
    throw new Poison(`unknown or malformed message: ${explain(validator.Errors(value))}`);
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new Poison(`not JSON: ${(cause as Error).message}`, { cause });
  }
}

/**
 * A union's errors are those of all its variants. Worth telling are those of the variant that was meant: the one whose
 * constants (its `type`) match, and of these the one with the fewest errors.
 */
function explain(errors: TLocalizedValidationError[]): string {
  const telling = errors.filter(({ keyword }) => keyword !== 'anyOf' && keyword !== 'boolean');
  const variants = Map.groupBy(telling, ({ schemaPath }) => /^#\/anyOf\/\d+/.exec(schemaPath)?.[0] ?? '#');
  const [nearest = []] = [...variants.values()]
    .filter((variant) => variant.every(({ keyword }) => keyword !== 'const'))
    .toSorted((a, b) => a.length - b.length);
  if (nearest.length > 0) return nearest.map(wording).join(', ');
  return telling
    .filter(({ keyword }) => keyword === 'const')
    .map(wording)
    .join(' or ');
}

function wording({ instancePath, message, params }: TLocalizedValidationError): string {
  const rule = 'allowedValue' in params ? `must be ${JSON.stringify(params.allowedValue)}` : message;
  return `${instancePath || 'the body'} ${rule}`;
}
