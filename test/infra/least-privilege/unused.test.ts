import { expect, test } from 'vitest';
import { surplusOf } from './unused.ts';

const UPLOADS = 'arn:aws:s3:::bucket/uploads';
const used = ['s3:GetObject', 's3:PutObject'].map((action) => ({
  action,
  resource: `${UPLOADS}/01980a3c-0000-7000-8000-000000000000`,
  context: {},
}));

test('a grant is right when it names what is used, with any id', () => {
  expect(surplusOf({ action: 's3:GetObject', resource: `${UPLOADS}/*` }, used)).toBeUndefined();
  const task = { action: 'ecs:UpdateTaskProtection', resource: `task/c/${'0'.repeat(32)}`, context: {} };
  expect(surplusOf({ action: 'ecs:UpdateTaskProtection', resource: 'task/c/*' }, [task])).toBeUndefined();
});

test('a grant that no call needs is found', () => {
  const found = surplusOf({ action: 's3:DeleteObject', resource: `${UPLOADS}/*` }, used);
  expect(found).toMatch(/no call needs s3:DeleteObject/);
  expect(surplusOf({ action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/columns/*' }, used)).toMatch(
    /no call/,
  );
});

test.each([
  ['s3:*', `${UPLOADS}/*`],
  ['s3:Get*', `${UPLOADS}/*`],
  ['s3:GetObject', 'arn:aws:s3:::bucket/*'],
  ['s3:GetObject', '*'],
])('%s on %s allows more than is used', (action, resource) => {
  expect(surplusOf({ action, resource }, used)).toMatch(/allows more than s3:GetObject on .*uploads\/\*/);
});
