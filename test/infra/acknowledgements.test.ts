import { expect, test } from 'vitest';
import { CHECKS, readAcknowledgements } from './acknowledgements.ts';

const acknowledgements = readAcknowledgements();

test('every acknowledgement gives a reason', () => {
  expect(acknowledgements.filter(({ reason }) => reason.split(' ').length < 4)).toEqual([]);
});

test('every acknowledgement belongs to a check, which notices when it is stale', () => {
  const checks: readonly string[] = CHECKS;
  expect(acknowledgements.filter(({ rule }) => !checks.includes(rule.split('-')[0] ?? ''))).toEqual([]);
});

test('nothing is acknowledged twice', () => {
  const keys = acknowledgements.map(({ rule, template, resource, finding }) =>
    [rule, template, resource, finding].join(' '),
  );
  expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
});
