import { describe, expect, test } from 'vitest';
import { parseMetricMath, type Series } from './metric-math.ts';

const _ = undefined;
const evaluate = (expression: string, metrics: Record<string, Series>) =>
  parseMetricMath(expression)(metrics, 'filled');

describe('the examples of the manual', () => {
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
  const compared = { metric1: [30, 20, 0, 0], metric2: [20, _, 20, _] };
  test.each([
    ['(metric1 < metric2)', [0, 0, 1, 0]],
    ['(metric1 >= 30)', [1, 0, 0, 0]],
    ['(metric1 > 15 AND metric2 > 15)', [1, 0, 0, 0]],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression, compared)).toEqual(expected);
  });

  const chosen = { metric1: [1, 1, 0, 0, _], metric2: [30, _, 0, 0, 30], metric3: [0, 0, 20, _, 20] };
  test.each([
    ['IF(metric1, metric2, metric3)', [30, 0, 20, _, _]],
    ['IF(metric1, 5, metric3)', [5, 5, 20, _, _]],
    ['IF(metric1, metric2, 5)', [30, 0, 5, 5, _]],
    ['IF(metric1, metric2)', [30, 0, _, _, _]],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression, chosen)).toEqual(expected);
  });
});

test.each([
  ['m + 1 * 2', [3]],
  ['(m + 1) * 2', [4]],
  ['m - 1 - 1', [-1]],
  ['8 / m / 2', [4]],
  ['-m + 3', [2]],
  ['m * -2', [-2]],
  ['m + 1 > 1.5', [1]],
  ['m == 1 && m != 1 || m >= 1', [1]],
  ['IF(m < 1, 7, m)', [1]],
  ['IF(1, m, 5 * m)', [1]],
])('%s keeps to the precedence of operators', (expression, expected) => {
  expect(evaluate(expression, { m: [1] })).toEqual(expected);
});

test('a missing point counts as 0 beside one that is there, and two missing ones are none', () => {
  const metrics = { a: [1, _, 1, _], b: [1, 1, _, _] };
  expect(evaluate('a + b', metrics)).toEqual([2, 1, 1, _]);
  expect(evaluate('a * 5 + 2', metrics)).toEqual([7, _, 7, _]);
});

test('a point that is divided by 0 is dropped, a missing one included', () => {
  expect(evaluate('a / b', { a: [6, 6, 6, 0], b: [3, 0, _, 0] })).toEqual([2, _, _, _]);
});

test('FILL fills what is missing', () => {
  expect(evaluate('FILL(a, 0)', { a: [_, 1, _] })).toEqual([0, 1, 0]);
  expect(evaluate('FILL(a, b)', { a: [_, 1, _], b: [5, 6, 7] })).toEqual([5, 1, 7]);
  expect(evaluate('FILL(a, REPEAT)', { a: [_, 1, _, 2] })).toEqual([_, 1, 1, 2]);
});

test('a metric without any point is filled, or is not: the manual does not say which', () => {
  const fill = parseMetricMath('FILL(a, 0) + 1');
  expect(fill({ a: [_, _] }, 'filled')).toEqual([1, 1]);
  expect(fill({ a: [_, _] }, 'empty')).toEqual([_, _]);
  expect(fill({ a: [_, 3] }, 'empty')).toEqual([1, 4]);
});

test('MAX and MIN choose among series at each time, or from one over all times', () => {
  expect(evaluate('MAX([a, b])', { a: [1, 5], b: [2, _] })).toEqual([2, 5]);
  expect(evaluate('MIN([a, b])', { a: [1, 5], b: [2, 3] })).toEqual([1, 3]);
  expect(evaluate('a - MIN(a)', { a: [1, 5, _] })).toEqual([0, 4, _]);
});

test.each([
  ['m +', /ends too early/],
  ['(m', /\) is expected/],
  ['m m', /m is not expected/],
  ['SEARCH(m)', /SEARCH is not known/],
  ['m ^ 2', /is not known/],
  ['M', /M is not expected/],
  ['n', /no metric n/],
  ['1 + 1', /scalar/],
  ['MAX([m, 1])', /time series is expected/],
])('%s is refused', (expression, message) => {
  expect(() => evaluate(expression, { m: [1] })).toThrow(message);
});
