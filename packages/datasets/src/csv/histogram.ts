/** Bins of a histogram at most. */
export const MAX_BINS = 64;

/** Below this a bin's width would be a subnormal number, and 1 / width no finite one. */
const MIN_EXPONENT = -1022;

/**
 * Bins are 2^exponent wide and start at whole multiples of that. A set of values then has exactly one histogram,
 * whatever the order they come in: two bins that are merged give just a bin of the next exponent, and the exponent is
 * the smallest that spans the values with {@link MAX_BINS}. That is what makes histograms of chunks add up.
 */
export interface Bins {
  exponent: number;
  /** Index of the first bin, which starts at `first` * 2^exponent. */
  first: number;
  /** Neither the first nor the last is 0. */
  counts: number[];
}

/** Index of the bin that holds the value. `scale` is 2^-exponent. */
export function binOf(value: number, scale: number): number {
  const scaled = value * scale;
  // A tiny negative value may vanish in the product, but still lies below 0.
  return scaled === 0 && value < 0 ? -1 : Math.floor(scaled);
}

/** The smallest exponent, from `atLeast` on, at which the bins from `min` to `max` are few enough. */
export function fitExponent(min: number, max: number, atLeast = MIN_EXPONENT): number {
  // No finer than two units in the last place: a bin's index is then exact, and even the last bin of all, which would
  // end at 2^1024, ends above its start when it is cut to what a double can say.
  const finest = exponentOf(Math.max(Math.abs(min), Math.abs(max))) - 51;
  let exponent = Math.max(atLeast, finest);
  while (!fits(min, max, 2 ** -exponent)) exponent++;
  return exponent;
}

function fits(min: number, max: number, scale: number): boolean {
  return binOf(max, scale) - binOf(min, scale) < MAX_BINS;
}

/** The same values in bins of 2^exponent, which must not be finer. */
export function coarsen(bins: Bins, exponent: number): Bins {
  const scale = 2 ** (bins.exponent - exponent);
  const first = binOf(bins.first, scale);
  const counts: number[] = [];
  for (const [index, count] of bins.counts.entries()) {
    const bin = binOf(bins.first + index, scale) - first;
    counts[bin] = (counts[bin] ?? 0) + count;
  }
  return { exponent, first, counts };
}

/** @param exponent - of the sum; no smaller than that of either */
export function addBins(one: Bins, other: Bins, exponent: number): Bins {
  const [a, b] = [coarsen(one, exponent), coarsen(other, exponent)];
  const first = Math.min(a.first, b.first);
  const end = Math.max(a.first + a.counts.length, b.first + b.counts.length);
  const counts = Array.from(
    { length: end - first },
    (_, index) => (a.counts[first + index - a.first] ?? 0) + (b.counts[first + index - b.first] ?? 0),
  );
  return { exponent, first, counts };
}

const double = new DataView(new ArrayBuffer(8));

/** e of 2^e <= |value| < 2^(e+1); less than -1022 of 0 and subnormal numbers. */
function exponentOf(value: number): number {
  double.setFloat64(0, value);
  return ((double.getUint16(0) >>> 4) & 0x7ff) - 1023;
}
