const ZERO = 0x30;
const POINT = 0x2e;
const MINUS = 0x2d;

/** The powers of ten that a double holds exactly. */
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** What counts as a number, if it is finite. */
const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads a cell that is a finite decimal number ({@link DECIMAL}) into `values[index]`. False if it is none. (A double that
 * is returned would be an object on the heap.)
 *
 * Most are read from their bytes: a whole number below 2^53 divided by a power of ten that is exact is rounded once, so
 * the result is the nearest double (Clinger's fast path). The rest, among them all with an exponent, are read from a
 * string: this function is short, so that it becomes part of the loop that calls it.
 * @param bytes - a view of `buffer`
 */
export function parseDecimal(
  bytes: DataView,
  buffer: Buffer,
  start: number,
  end: number,
  values: Float64Array,
  index: number,
): boolean {
  const negative = bytes.getUint8(start) === MINUS;
  const first = negative ? start + 1 : start;
  let mantissa = 0;
  // Two loops: one that also looks for the point takes half as long again.
  let at = first;
  for (; at < end; at++) {
    const digit = bytes.getUint8(at) - ZERO;
    if (digit < 0 || digit > 9) break;
    mantissa = mantissa * 10 + digit;
  }
  let fraction = 0;
  if (at > first && at < end && bytes.getUint8(at) === POINT) {
    const point = at++;
    for (; at < end; at++) {
      const digit = bytes.getUint8(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      mantissa = mantissa * 10 + digit;
    }
    fraction = at - point - 1;
  }
  if (at < end || at === first || mantissa > Number.MAX_SAFE_INTEGER || fraction > 22)
    return parseText(buffer.toString('latin1', start, end), values, index);
  const value = mantissa / (POWERS_OF_TEN[fraction] ?? 1);
  values[index] = negative ? -value : value;
  return true;
}

function parseText(text: string, values: Float64Array, index: number): boolean {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  values[index] = value;
  return Number.isFinite(value);
}
