import { MAX_BINS, binOf, coarsen, fitExponent } from './histogram.ts';
import type { Bins } from './histogram.ts';
import type { NumberProfile } from './profile.ts';
import { HUGE, HUGE_SCALE, roundingError } from './sum.ts';
import type { Sum } from './sum.ts';

const SLOTS = MAX_BINS - 1;

/** The numbers of one column, being added up. */
export interface NumberColumn {
  /** Infinity before the first number, as the maximum is -Infinity. */
  min: number;
  max: number;
  whole: boolean;
  sum: Sum;
  exponent: number;
  /** A bin is counted at its index modulo 64. No two of 64 consecutive bins meet there, and nothing ever moves. */
  slots: Float64Array;
}

export function createNumberColumn(): NumberColumn {
  return {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    whole: true,
    sum: { sum: 0, error: 0, hugeSum: 0 },
    exponent: 0,
    slots: new Float64Array(MAX_BINS),
  };
}

/** Adds the first `count` of the values. */
export function addNumbers(column: NumberColumn, values: Float64Array, count: number): void {
  let { min, max, whole } = column;
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? 0;
    if (value < min) min = value;
    if (value > max) max = value;
    whole &&= Math.floor(value) === value;
  }
  column.whole = whole;
  if (min < column.min || max > column.max) widen(column, min, max);

  const { slots } = column;
  const scale = 2 ** -column.exponent;
  let { sum, error, hugeSum } = column.sum;
  for (let index = 0; index < count; index++) {
    const value = values[index] ?? 0;
    const slot = binOf(value, scale) & SLOTS;
    slots[slot] = (slots[slot] ?? 0) + 1;
    if (value > HUGE || value < -HUGE) {
      hugeSum += value * HUGE_SCALE;
    } else {
      const before = sum;
      sum += value;
      error += roundingError(before, value, sum);
    }
  }
  column.sum = { sum, error, hugeSum };
}

/** What is known of a column that holds at least one number. */
export function numberProfile(column: NumberColumn): NumberProfile {
  const { min, max, whole, sum } = column;
  return { min, max, whole, sum, bins: readBins(column) };
}

/** Makes the range reach from `min` to `max`, which may take coarser bins. */
function widen(column: NumberColumn, min: number, max: number): void {
  if (column.min > column.max) {
    column.exponent = fitExponent(min, max);
  } else {
    const exponent = fitExponent(min, max, column.exponent);
    if (exponent > column.exponent) {
      const bins = coarsen(readBins(column), exponent);
      column.slots.fill(0);
      for (const [index, count] of bins.counts.entries()) column.slots[(bins.first + index) & SLOTS] = count;
      column.exponent = exponent;
    }
  }
  column.min = min;
  column.max = max;
}

function readBins({ min, max, exponent, slots }: NumberColumn): Bins {
  const first = binOf(min, 2 ** -exponent);
  const length = binOf(max, 2 ** -exponent) - first + 1;
  return {
    exponent,
    first,
    counts: Array.from({ length }, (_, index) => slots[(first + index) & SLOTS] ?? 0),
  };
}
