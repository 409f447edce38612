import type { ParameterDeclaration } from './template.ts';

export type ParameterValue = string | string[];

/** Types of which CloudFormation checks that the value exists in the account; we check that it could. */
const FORMS: Record<string, RegExp> = {
  'AWS::EC2::AvailabilityZone::Name': /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/,
  'AWS::EC2::Image::Id': /^ami-[0-9a-f]{8,17}$/,
  'AWS::EC2::SecurityGroup::Id': /^sg-[0-9a-f]{8,17}$/,
  'AWS::EC2::Subnet::Id': /^subnet-[0-9a-f]{8,17}$/,
  'AWS::EC2::VPC::Id': /^vpc-[0-9a-f]{8,17}$/,
  'AWS::Route53::HostedZone::Id': /^Z[A-Z0-9]{1,31}$/,
  Number: /^-?(\d+\.?\d*|\.\d+)$/,
  String: /^/,
};

/**
 * The value that `Ref` gives for each parameter: a text, also for numbers, or a list of texts.
 *
 * @throws naming every problem at once: a parameter without a value, a value that breaks its declaration, and a value
 *   for no parameter
 */
export function parameterValues(
  declarations: Record<string, ParameterDeclaration>,
  given: Readonly<Record<string, string>>,
): Record<string, ParameterValue> {
  const problems = Object.keys(given)
    .filter((name) => !(name in declarations))
    .map((name) => `there is no parameter ${name}`);
  const values: Record<string, ParameterValue> = {};
  for (const [name, declaration] of Object.entries(declarations)) {
    const text = given[name] ?? declaration.Default;
    if (text === undefined) {
      problems.push(`${name} has no value and no default`);
      continue;
    }
    const { items, problem } = readItems(String(text), declaration);
    if (problem) problems.push(`${name} ${problem}`);
    values[name] = isList(declaration.Type) ? items : (items[0] ?? '');
  }
  if (problems.length > 0) throw new Error(`parameters: ${problems.join('; ')}`);
  return values;
}

function isList(type: string): boolean {
  return type === 'CommaDelimitedList' || type.startsWith('List<');
}

function readItems(text: string, declaration: ParameterDeclaration): { items: string[]; problem?: string } {
  const { Type } = declaration;
  const stored = /^AWS::SSM::Parameter::Value<(.+)>$/.exec(Type)?.[1];
  // What is in Parameter Store nobody here knows: something of the right form.
  if (stored)
    return { items: [stored === 'AWS::EC2::Image::Id' ? 'ami-0123456789abcdef0' : `value of ${text}`] };
  const items = isList(Type) ? text.split(',').map((item) => item.trim()) : [text];
  const itemType = Type === 'CommaDelimitedList' ? 'String' : (/^List<(.+)>$/.exec(Type)?.[1] ?? Type);
  const form = FORMS[itemType];
  if (!form)
    return { items, problem: `has the type ${Type}, which test/support/cloudformation does not know` };
  for (const item of items) {
    const problem = form.test(item) ? broken(item, declaration) : `is “${item}”, which is no ${itemType}`;
    if (problem) return { items, problem };
  }
  return { items };
}

/** What the declaration demands and the value does not meet, if anything. */
function broken(value: string, declaration: ParameterDeclaration): string | undefined {
  const { AllowedValues, AllowedPattern, MinLength, MaxLength, MinValue, MaxValue } = declaration;
  if (AllowedValues && !AllowedValues.map(String).includes(value)) {
    return `is “${value}”, not one of ${AllowedValues.join(', ')}`;
  }
  if (AllowedPattern && !new RegExp(`^(?:${AllowedPattern})$`).test(value)) {
    return `is “${value}”, which does not match ${AllowedPattern}`;
  }
  if (MinLength !== undefined && value.length < Number(MinLength)) return `is shorter than ${MinLength}`;
  if (MaxLength !== undefined && value.length > Number(MaxLength)) return `is longer than ${MaxLength}`;
  if (MinValue !== undefined && Number(value) < Number(MinValue)) return `is ${value}, less than ${MinValue}`;
  if (MaxValue !== undefined && Number(value) > Number(MaxValue)) return `is ${value}, more than ${MaxValue}`;
  return undefined;
}
