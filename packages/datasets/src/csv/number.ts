const ZERO = 0x30;
const POINT = 0x2e;
const PLUS = 0x2b;
const MINUS = 0x2d;
/** Of a letter: E and e become e. */
const LOWER_CASE = 0x20;
const E = 0x65;

/** The powers of ten that a double holds exactly. */
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/**
 * Reads a cell that is a finite decimal number, `^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`, into `values[index]`. False
 * if it is none. (A double that is returned would be an object on the heap.)
 *
 * Most are read from their bytes: a whole number below 2^53 times or divided by a power of ten that is exact is
 * rounded once, so the result is the nearest double (Clinger's fast path). The rest take the way through a string.
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
  let at = start;
  let byte = bytes.getUint8(at);
  const negative = byte === MINUS;
  if (negative || byte === PLUS) at++;

  const first = at;
  let point = -1;
  let mantissa = 0;
  for (; at < end; at++) {
    byte = bytes.getUint8(at);
    const digit = byte - ZERO;
    if (digit >= 0 && digit <= 9) mantissa = mantissa * 10 + digit;
    else if (byte === POINT && point === -1) point = at;
    else break;
  }
  const hasPoint = point === -1 ? 0 : 1;
  const fraction = hasPoint === 1 ? at - point - 1 : 0;
  if (at - first - hasPoint === 0) return false;

  let exponent = 0;
  if (at < end && (bytes.getUint8(at) | LOWER_CASE) === E) {
    at++;
    byte = at < end ? bytes.getUint8(at) : 0;
    const below = byte === MINUS;
    if (below || byte === PLUS) at++;
    const firstOfExponent = at;
    for (; at < end; at++) {
      const digit = bytes.getUint8(at) - ZERO;
      if (digit < 0 || digit > 9) break;
      exponent = exponent * 10 + digit;
    }
    if (at === firstOfExponent) return false;
    if (below) exponent = -exponent;
  }
  if (at < end) return false;

  const power = exponent - fraction;
  if (mantissa <= Number.MAX_SAFE_INTEGER && power >= -22 && power <= 22) {
    let value = mantissa;
    if (power < 0) value /= POWERS_OF_TEN[-power] ?? 1;
    else if (power > 0) value *= POWERS_OF_TEN[power] ?? 1;
    values[index] = negative ? -value : value;
    return true;
  }
  const value = Number(buffer.toString('latin1', start, end));
  values[index] = value;
  return Number.isFinite(value);
}
