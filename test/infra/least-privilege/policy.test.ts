import { expect, test } from 'vitest';
import { isAllowed, type Statement } from './policy.ts';

const OBJECT = 'arn:aws:s3:::bucket/uploads/1';
const read: Statement = {
  Effect: 'Allow',
  Action: 's3:GetObject',
  Resource: 'arn:aws:s3:::bucket/uploads/*',
};
const decide = (statements: Statement[], access: { action?: string; resource?: string } = {}) =>
  isAllowed(statements, {
    action: 's3:GetObject',
    resource: OBJECT,
    context: { 'aws:SecureTransport': 'true' },
    ...access,
  });

test('nothing is allowed that no statement allows', () => {
  expect(decide([])).toBe(false);
  expect(decide([read])).toBe(true);
  expect(decide([read], { action: 's3:PutObject' })).toBe(false);
  expect(decide([read], { action: 's3:GetObjectVersion' })).toBe(false);
  expect(decide([read], { resource: 'arn:aws:s3:::bucket/columns/1' })).toBe(false);
  expect(decide([read], { resource: 'arn:aws:s3:::bucket' })).toBe(false);
});

test('one denial outweighs every permission, wherever it stands', () => {
  const deny: Statement = { Effect: 'Deny', Action: 's3:*', Resource: '*' };
  expect(decide([read, deny])).toBe(false);
  expect(decide([deny, read])).toBe(false);
  expect(decide([deny])).toBe(false);
});

test.each([
  ['s3:*', true],
  ['*', true],
  ['S3:getobject', true],
  ['s3:Get*', true],
  ['s3:GetObjec?', true],
  ['s3:GetObject?', false],
  ['s3:Put*', false],
  ['s3.GetObject', false],
])('the action %s covers s3:GetObject: %s', (Action, covered) => {
  expect(decide([{ ...read, Action }])).toBe(covered);
  expect(decide([{ ...read, Action: ['sqs:SendMessage', Action] }])).toBe(covered);
});

test.each([
  ['*', true],
  ['arn:aws:s3:::bucket/*', true],
  ['arn:aws:s3:::BUCKET/*', false],
  ['arn:aws:s3:::bucket', false],
  ['arn:aws:s3:::other/*', false],
  ['arn:aws:s3:::bucket/uploads/?', true],
])('the resource %s covers an object: %s', (Resource, covered) => {
  expect(decide([{ ...read, Resource }])).toBe(covered);
});

test('NotAction and NotResource cover what they do not name', () => {
  const except = (Action: string): Statement => ({ Effect: 'Allow', NotAction: Action, Resource: '*' });
  expect(decide([except('s3:PutObject')])).toBe(true);
  expect(decide([except('s3:Get*')])).toBe(false);
  const elsewhere: Statement = { Effect: 'Allow', Action: '*', NotResource: 'arn:aws:s3:::bucket/*' };
  expect(decide([elsewhere])).toBe(false);
  expect(decide([elsewhere], { resource: 'arn:aws:s3:::other/1' })).toBe(true);
});

test('a statement applies where all its conditions hold, each by any of its values', () => {
  const withTls = (value: string | string[]): Statement => ({
    ...read,
    Condition: { Bool: { 'aws:SecureTransport': value } },
  });
  expect(decide([withTls('true')])).toBe(true);
  expect(decide([withTls('false')])).toBe(false);
  expect(decide([withTls(['false', 'true'])])).toBe(true);
  expect(decide([read, { ...withTls('false'), Effect: 'Deny' }])).toBe(true);
  expect(decide([read, { ...withTls('true'), Effect: 'Deny' }])).toBe(false);
});

test.each([
  ['StringEquals', 'stowage-*', false],
  ['StringLike', 'stowage-*', true],
  ['StringEquals', 'stowage-dev', true],
])('%s compares a value with %s: %s', (operator, wanted, held) => {
  const statement = { ...read, Condition: { [operator]: { key: wanted } } };
  const access = { action: 's3:GetObject', resource: OBJECT, context: { key: 'stowage-dev' } };
  expect(isAllowed([statement], access)).toBe(held);
});

test.each([
  ['arn:aws:ecs:*:123456789012:cluster/*', true],
  ['arn:aws:ecs:*:cluster/*', false],
  ['arn:*', false],
  ['arn:aws:ecs:us-east-1:123456789012:cluster/dev', true],
])('ArnLike takes the parts of an ARN one by one: %s', (wanted, held) => {
  const statement = { ...read, Condition: { ArnLike: { 'ecs:cluster': wanted } } };
  const context = { 'ecs:cluster': 'arn:aws:ecs:us-east-1:123456789012:cluster/dev' };
  expect(isAllowed([statement], { action: 's3:GetObject', resource: OBJECT, context })).toBe(held);
});

test('what is not understood is refused, not guessed', () => {
  const conditioned = (operator: string, key: string): Statement => ({
    ...read,
    Condition: { [operator]: { [key]: 'true' } },
  });
  expect(() => decide([conditioned('DateLessThan', 'aws:SecureTransport')])).toThrow(/DateLessThan/);
  expect(() => decide([conditioned('StringEquals', 'aws:SourceVpc')])).toThrow(/aws:SourceVpc/);
  // oxlint-disable-next-line no-template-curly-in-string -- IAM's own variables
  expect(() => decide([{ ...read, Resource: 'arn:aws:s3:::b/${aws:username}/*' }])).toThrow(/variables/);
  expect(() => decide([{ Effect: 'Allow', Resource: '*' }])).toThrow(/neither/);
});
