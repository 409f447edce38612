import fc from 'fast-check';
import type { Contract, Schema } from './contract.ts';

/** Text that has broken programs before. */
const HOSTILE_TEXT = [
  '',
  ' ',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e3',
  '1e999',
  'NaN',
  'null',
  'true',
  '٣',
  '\0',
  '\ud800',
  '\u{feff}x',
  '\u{202e}x',
  '💾'.repeat(200),
  'x'.repeat(201),
  'x'.repeat(5_000),
  '../../etc/passwd',
  '%00',
  '%2e%2e%2f',
  '%c0%af',
  '__proto__',
  'constructor',
  'toString',
  "' OR 1=1 --",
  '$1',
  '${x}',
  '{{x}}',
  '<script>',
  '\r\nx-injected: 1',
  '00000000-0000-0000-0000-000000000000',
  'urn:uuid:00000000-0000-4000-8000-000000000000',
  '{00000000-0000-4000-8000-000000000000}',
  '9007199254740992',
  '-9223372036854775809',
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXT),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[[]]], { name: 'x' }),
  hostileText,
  fc.jsonValue(),
);

/** Values that fit a schema. Of the keywords that the contract uses; others would be noticed as values that do not fit. */
export function fitting(contract: Contract, schema: Schema): fc.Arbitrary<unknown> {
  const {
    type,
    format,
    pattern,
    enum: choices,
    minLength = 0,
    maxLength = 300,
    ...rest
  } = contract.resolve(schema);
  const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER, properties = {}, required = [] } = rest;
  if (choices) return fc.constantFrom(...choices);
  switch (type) {
    case 'object':
      return fc.record(
        Object.fromEntries(
          Object.entries(properties).map(([name, member]) => [name, fitting(contract, member)]),
        ),
        { requiredKeys: required, noNullPrototype: true },
      );
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc
        .oneof(fc.maxSafeInteger(), fc.integer({ min: minimum, max: minimum + 20 }))
        .map((number) => Math.min(maximum, Math.max(minimum, number)));
    case 'string':
      if (format === 'uuid') return fc.uuid();
      return fc
        .oneof(
          // Whole characters, as most are not in any pattern's way.
          fc.string({ unit: 'binary', minLength, maxLength, size: 'max' }),
          fc.string({ unit: 'grapheme-ascii', minLength, maxLength }),
        )
        .filter((text) => pattern === undefined || new RegExp(pattern, 'u').test(text));
    case undefined:
    default:
      throw new Error(`no values for ${JSON.stringify(schema)}: add the keyword to test/fuzz/values.ts`);
  }
}

/** Values that may fit, just not fit, or be something else altogether. */
export function around(contract: Contract, schema: Schema): fc.Arbitrary<unknown> {
  const resolved = contract.resolve(schema);
  const fits = fitting(contract, schema);
  const near: fc.Arbitrary<unknown>[] = [hostileValue];
  const { type, minimum, maximum, minLength, maxLength, properties, enum: choices } = resolved;
  if (type === 'integer') near.push(fc.constantFrom('1e999', '-Infinity', 'NaN', '0x1', '1.0', ' 1'));
  if (minimum !== undefined) near.push(fc.constantFrom(minimum, minimum - 1, minimum + 0.5));
  if (maximum !== undefined) near.push(fc.constantFrom(maximum, maximum + 1, maximum * 10));
  if (minLength !== undefined) near.push(fc.constant('x'.repeat(Math.max(0, minLength - 1))));
  if (maxLength !== undefined) near.push(fc.constantFrom('x'.repeat(maxLength), 'é'.repeat(maxLength + 1)));
  if (choices) near.push(fc.constantFrom(...choices).map((choice) => String(choice).toUpperCase()));
  if (properties) near.push(fits.chain((value) => damaged(contract, properties, value as object)));
  return fc.oneof({ weight: 2, arbitrary: fits }, { weight: 1, arbitrary: fc.oneof(...near) });
}

/** An object with one member missing, replaced or too many. */
function damaged(
  contract: Contract,
  properties: Record<string, Schema>,
  value: object,
): fc.Arbitrary<object> {
  const replaced = Object.entries(properties).map(([name, schema]) =>
    around(contract, schema).map((member) => Object.assign({}, value, { [name]: member })),
  );
  const dropped = fc
    .constantFrom(...Object.keys(properties))
    .map((name) => Object.fromEntries(Object.entries(value).filter(([each]) => each !== name)));
  const added = fc
    .tuple(hostileText, hostileValue)
    .map(([name, member]) => Object.fromEntries([...Object.entries(value), [name, member]]));
  return fc.oneof(...replaced, dropped, added);
}
