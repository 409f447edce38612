/** The profile of whole columns as the contract describes it, worked out the simple way. */
export interface ReferenceColumn {
  type: 'number' | 'text';
  empty: number;
  nonEmpty: number;
  min: number | string | null;
  max: number | string | null;
  /** For numbers: the values, to check the mean and the histogram by. */
  values: number[] | null;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export function referenceProfile(width: number, rows: readonly (readonly string[])[]): ReferenceColumn[] {
  return Array.from({ length: width }, (_, index): ReferenceColumn => {
    const all = rows.map((row) => row[index] ?? '');
    const cells = all.filter((cell) => cell !== '');
    const counts = { empty: all.length - cells.length, nonEmpty: cells.length };
    if (cells.length === 0) return { type: 'text', ...counts, min: null, max: null, values: null };
    if (cells.every((cell) => DECIMAL.test(cell) && Number.isFinite(Number(cell)))) {
      // Adding 0 takes the sign off a zero.
      const values = cells.map((cell) => Number(cell) + 0);
      const [min, max] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
      return { type: 'number', ...counts, min, max, values };
    }
    const sorted = cells.map((cell) => Array.from(cell).slice(0, 256)).toSorted(byCodePoint);
    const text = (characters: string[] | undefined) => characters?.join('') ?? null;
    return { type: 'text', ...counts, min: text(sorted[0]), max: text(sorted.at(-1)), values: null };
  });
}

function byCodePoint(a: readonly string[], b: readonly string[]): number {
  for (const [index, character] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const difference = (character.codePointAt(0) ?? 0) - (other.codePointAt(0) ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The mean, by exact arithmetic: each double is a whole number of 2^-1074ths. */
export function exactMean(values: readonly number[]): number {
  const units = values.map(toUnits).reduce((a, b) => a + b, 0n);
  return fromUnits(units, BigInt(values.length));
}

function toUnits(value: number): bigint {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = (word >> 52n) & 0x7ffn;
  const fraction = word & 0xfffffffffffffn;
  const size = exponent === 0n ? fraction : (fraction | (1n << 52n)) << (exponent - 1n);
  return word >> 63n === 0n ? size : -size;
}

/** The double nearest to units / count * 2^-1074, to within a unit in the last place or two. */
function fromUnits(units: bigint, count: bigint): number {
  const negative = units < 0n;
  let quotient = ((negative ? -units : units) << 64n) / count;
  let exponent = -1074 - 64;
  while (quotient >= 1n << 60n) {
    quotient >>= 1n;
    exponent++;
  }
  // In two steps, for neither power alone need be a double.
  const half = Math.trunc(exponent / 2);
  const value = Number(quotient) * 2 ** half * 2 ** (exponent - half);
  return negative ? -value : value;
}
