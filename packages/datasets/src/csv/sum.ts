/**
 * A sum of doubles with the rounding errors it has made so far (Neumaier), in two parts: values near the largest double
 * are added up scaled down, so that no sum overflows before it is divided by its count.
 */
export interface Sum {
  sum: number;
  error: number;
  /** Sum of the values above {@link HUGE}, times {@link HUGE_SCALE}. */
  hugeSum: number;
}

export const HUGE = 1e290;
export const HUGE_SCALE = 2 ** -64;

/** What `a + b` lost by rounding, exactly (Knuth's TwoSum); `sum` is that rounded sum. */
export function roundingError(a: number, b: number, sum: number): number {
  const rounded = sum - a;
  return a - (sum - rounded) + (b - rounded);
}

export function addSums(a: Sum, b: Sum): Sum {
  const sum = a.sum + b.sum;
  return { sum, error: a.error + b.error + roundingError(a.sum, b.sum, sum), hugeSum: a.hugeSum + b.hugeSum };
}

/** The mean of values that lie between `min` and `max`. */
export function meanOf({ sum, error, hugeSum }: Sum, count: number, min: number, max: number): number {
  const mean = (sum + error) / count + hugeSum / count / HUGE_SCALE;
  // Rounding, or an overflow at the very end of the range, may have left it.
  return Math.min(max, Math.max(min, mean));
}
