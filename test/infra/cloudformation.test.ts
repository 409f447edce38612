import { expect, test } from 'vitest';
import { subdivide } from '../support/cloudformation/cidr.ts';
import { evaluate, type EvaluateOptions } from '../support/cloudformation/evaluate.ts';
import { parseTemplate, type Template } from '../support/cloudformation/template.ts';

const TEMPLATE = `
Parameters:
  Count: { Type: Number, Default: 3, MinValue: 1, MaxValue: 9 }
  Names: { Type: CommaDelimitedList, Default: 'a, b' }
  None: { Type: CommaDelimitedList, Default: '' }
  Kind: { Type: String, Default: small, AllowedValues: [small, large] }
  Vpc: { Type: AWS::EC2::VPC::Id, Default: vpc-0123456789abcdef0 }
Mappings:
  Sizes: { small: { Gib: 20 }, large: { Gib: 200 } }
Conditions:
  IsLarge: !Equals [!Ref Kind, large]
  HasThree: !Equals [!Ref Count, 3]
  HasNone: !Equals [!Join ['', !Ref None], '']
  Both: !And [!Condition HasThree, !Not [!Or [!Condition IsLarge, !Equals [1, '2']]]]
Resources:
  Topic: { Type: AWS::SNS::Topic }
  Large: { Type: AWS::SQS::Queue, Condition: IsLarge }
  Thing:
    Type: Some::Thing
    DependsOn: [Topic, Large]
    Properties:
      Value: VALUE
`;

/** What a property comes to, written as the template would. */
function property(
  value: string,
  parameters: Record<string, string> = {},
  options: EvaluateOptions = {},
): unknown {
  const template = parseTemplate(TEMPLATE.replace('VALUE', value));
  return evaluate(template, { ...options, parameters }).resources['Thing']?.Properties['Value'];
}

test.each([
  ['!Ref Count', '3'],
  ['!Ref Names', ['a', 'b']],
  ['!Ref AWS::Region', 'us-east-1'],
  ['!Ref Topic', 'arn:aws:sns:us-east-1:123456789012:stack-Topic'],
  ['!GetAtt Topic.TopicName', 'stack-Topic'],
  ['!GetAtt [Topic, TopicName]', 'stack-Topic'],
  ['{ Fn::GetAtt: [Topic, TopicName] }', 'stack-Topic'],
  ['!Join ["-", [x, !Ref Count]]', 'x-3'],
  ['!Select [1, !Ref Names]', 'b'],
  ['!Select ["0", !Split [",", "x,y"]]', 'x'],
  ['!Select [2, !GetAZs ""]', 'us-east-1c'],
  ['!FindInMap [Sizes, !Ref Kind, Gib]', 20],
  ['!Cidr [10.0.0.0/16, 2, 12]', ['10.0.0.0/20', '10.0.16.0/20']],
  ['{ Fn::Base64: !Sub "n=${Count}" }', 'bj0z'],
  ['!Base64 { Fn::Sub: "n=${Count}" }', 'bj0z'],
  ['!Sub "${Count} ${Topic.TopicName} ${!kept} ${AWS::Partition}"', '3 stack-Topic ${kept} aws'],
  ['!Sub ["${A}${Count}", { A: !Ref Kind }]', 'small3'],
  ['!If [Both, yes, no]', 'yes'],
  ['[1, !If [IsLarge, 2, !Ref AWS::NoValue]]', [1]],
  ['{ a: 1, b: !Ref AWS::NoValue }', { a: 1 }],
  ['!If [HasNone, { a: !Ref Kind }, 1]', { a: 'small' }],
  ['"{{resolve:ssm:/x}}"', '{{resolve:ssm:/x}}'],
])('%s is resolved', (value, expected) => {
  expect(property(value)).toEqual(expected);
});

test('a property whose value is none is left out', () => {
  expect(property('!Ref AWS::NoValue')).toBeUndefined();
});

test('a resource whose condition fails is left out, and nobody waits for it', () => {
  const { resources } = evaluate(parseTemplate(TEMPLATE));
  expect(Object.keys(resources)).toEqual(['Topic', 'Thing']);
  expect(resources['Thing']?.DependsOn).toEqual(['Topic']);
});

test.each([
  ['!Ref Nothing', {}, /no parameter or resource Nothing/],
  ['!Ref Large', {}, /Large is referred to, though its condition IsLarge does not hold/],
  ['!Ref Thing', {}, /Thing depends on itself/],
  ['!If [Never, 1, 2]', {}, /no condition Never/],
  ['!FindInMap [Sizes, huge, Gib]', {}, /no huge.Gib/],
  ['!Select [5, !Ref Names]', {}, /no item 5/],
  ['!Sub "${Names}"', {}, /no text/],
  ['!ImportValue x', {}, /Fn::ImportValue is not known/],
  ['1', { Count: '0' }, /Count is 0, less than 1/],
  ['1', { Count: '10' }, /Count is 10, more than 9/],
  ['1', { Count: 'x' }, /Count is “x”, which is no Number/],
  ['1', { Kind: 'huge' }, /Kind is “huge”, not one of small, large/],
  ['1', { Vpc: '' }, /Vpc is “”, which is no AWS::EC2::VPC::Id/],
  ['1', { Nothing: '' }, /no parameter Nothing/],
])('%s with %j is refused', (value, parameters, message) => {
  expect(() => property(value, parameters)).toThrow(message);
});

test('every problem with parameters is told at once', () => {
  expect(() => property('1', { Count: '0', Kind: 'huge' })).toThrow(/Count.*Kind/);
});

test('a parameter without a default wants a value', () => {
  const template = parseTemplate('{ Parameters: { A: { Type: String } }, Resources: {} }');
  expect(() => evaluate(template)).toThrow(/A has no value/);
  expect(evaluate(template, { parameters: { A: '' } }).parameters).toEqual({ A: '' });
});

test('a pattern is met by the whole value, and by each of a list', () => {
  const declared = (Type: string): Template => ({
    Parameters: { A: { Type, AllowedPattern: 'a|b' } },
    Resources: {},
  });
  expect(() => evaluate(declared('String'), { parameters: { A: 'ab' } })).toThrow(/does not match/);
  expect(() => evaluate(declared('CommaDelimitedList'), { parameters: { A: 'a,c' } })).toThrow(/“c”/);
  expect(() => evaluate(declared('CommaDelimitedList'), { parameters: { A: 'a,b' } })).not.toThrow();
});

test('a rule that parameters break is told by its description', () => {
  const template = parseTemplate(`
Parameters: { Kind: { Type: String }, Name: { Type: String, Default: '' } }
Rules:
  NamedWhenLarge:
    RuleCondition: !Equals [!Ref Kind, large]
    Assertions: [{ Assert: !Not [!Equals [!Ref Name, '']], AssertDescription: large needs a name }]
Resources: {}`);
  expect(() => evaluate(template, { parameters: { Kind: 'large' } })).toThrow(/large needs a name/);
  expect(() => evaluate(template, { parameters: { Kind: 'large', Name: 'x' } })).not.toThrow();
  expect(() => evaluate(template, { parameters: { Kind: 'small' } })).not.toThrow();
});

test('a fake AWS gives the attributes of what it makes, each made before who refers to it', () => {
  const made: string[] = [];
  const value = property(
    '!GetAtt Topic.Arn',
    {},
    {
      attribute(id, attribute, { Type }) {
        made.push(`${Type} ${id}`);
        return attribute === 'Arn' ? 'arn:of:the:fake' : undefined;
      },
    },
  );
  expect(value).toBe('arn:of:the:fake');
  expect(made).toEqual(['AWS::SNS::Topic Topic']);
});

test.each([
  ['A: !Foo x', /!Foo/],
  ['A: 1\nA: 2', /unique/],
  ['A: &a 1\nB: 2', /anchor &a/],
  ['A: [', /cannot be read/],
  ['A: !GetAtt Topic', /names no attribute/],
])('%j is no template', (yaml, message) => {
  expect(() => parseTemplate(yaml)).toThrow(message);
});

test('a block has no more parts than it has room for', () => {
  expect(subdivide('10.1.0.0/24', 2, 7)).toEqual(['10.1.0.0/25', '10.1.0.128/25']);
  expect(() => subdivide('10.1.0.0/24', 3, 7)).toThrow(RangeError);
});
