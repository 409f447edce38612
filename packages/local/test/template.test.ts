import { expect, test } from 'vitest';
import { parseTemplate, resolve } from '../src/template.ts';

const lookup = (id: string, attribute?: string) => {
  if (id === 'Holds') return true;
  if (id === 'Fails') return false;
  return attribute ? `<${id}'s ${attribute}>` : `<${id}>`;
};

/** What a property of a template resolves to. */
function property(yaml: string): unknown {
  const { Resources } = parseTemplate(`Resources: { One: { Type: T, Properties: { P: ${yaml} } } }`);
  return resolve(Resources['One']?.Properties?.['P'], lookup);
}

test.each([
  ['!Ref Queue', '<Queue>'],
  ['{ Ref: Queue }', '<Queue>'],
  ['!GetAtt Queue.Arn', "<Queue's Arn>"],
  ['{ Fn::GetAtt: [Queue, Arn] }', "<Queue's Arn>"],
  [`!Sub 'a-\${Queue}-\${Queue.Arn}-\${AWS::Region}'`, "a-<Queue>-<Queue's Arn>-<AWS::Region>"],
  [`{ Fn::Sub: 'a-\${Queue}' }`, 'a-<Queue>'],
  ['!If [Holds, !Ref A, !Ref B]', '<A>'],
  ['!If [Fails, !Ref A, !If [Holds, !Ref B, 1]]', '<B>'],
  ['{ Fn::If: [Fails, 1, 2] }', 2],
  [`!Not [!Equals [!Ref A, '']]`, true],
  [`!Equals [!Ref A, '<A>']`, true],
  ['[1, { a: !Ref Queue, b: true }]', [1, { a: '<Queue>', b: true }]],
])('%s is resolved', (yaml, value) => {
  expect(property(yaml)).toEqual(value);
});

test.each([
  ['!Join [a, [b]]', /!Join/],
  ['!GetAtt [Queue, Arn]', /!GetAtt/],
  ['{ Fn::Join: [a, [b]] }', /Fn::Join/],
  [`{ Fn::Sub: ['\${a}', { a: b }] }`, /Fn::Sub/],
  ['{ a: b', /cannot be read/],
])('%s is refused', (yaml, message) => {
  expect(() => property(yaml)).toThrow(message);
});
