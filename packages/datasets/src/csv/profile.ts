import { addBins, coarsen, fitExponent } from './histogram.ts';
import type { Bins } from './histogram.ts';
import { addSums, meanOf } from './sum.ts';
import type { Sum } from './sum.ts';

/** Of a text, so many characters (code points) are kept as minimum or maximum. */
export const TEXT_CHARACTERS = 256;

/** What is known of one column in some of its rows. Plain JSON; see {@link mergeProfiles}. */
export interface ColumnProfile {
  empty: number;
  nonEmpty: number;
  /** Null while all cells are empty. Kept of numbers, too: the next chunk may show that the column is text. */
  text: { min: string; max: string } | null;
  /** Null unless all non-empty cells, of which there is one at least, are numbers. */
  numbers: NumberProfile | null;
}

export interface NumberProfile {
  min: number;
  max: number;
  whole: boolean;
  sum: Sum;
  bins: Bins;
}

/** One entry a column. Profiles of the chunks of a dataset add up to the dataset's, in any order. */
export type Profile = ColumnProfile[];

/** A column of `GET /v1/datasets/{id}/profile`. */
export interface ColumnSummary {
  name: string;
  type: 'number' | 'text';
  empty: number;
  nonEmpty: number;
  min: number | string | null;
  max: number | string | null;
  mean: number | null;
  histogram: HistogramBin[] | null;
}

/** Values from `from` on, up to but without `to`. */
export interface HistogramBin {
  from: number;
  to: number;
  count: number;
}

/** The profile of no rows. */
export function emptyProfile(columnCount: number): Profile {
  return Array.from({ length: columnCount }, () => ({ empty: 0, nonEmpty: 0, text: null, numbers: null }));
}

/** The profile of the rows of both, which have the same columns. Exact, but for the last digit of the mean. */
export function mergeProfiles(a: Profile, b: Profile): Profile {
  if (a.length !== b.length)
    throw new RangeError(`Profiles of ${a.length} and ${b.length} columns do not add up.`);
  return a.map((column, index) => mergeColumns(column, b[index] ?? column));
}

function mergeColumns(a: ColumnProfile, b: ColumnProfile): ColumnProfile {
  const empty = a.empty + b.empty;
  if (a.text === null || b.text === null) return { ...(a.text === null ? b : a), empty };
  return {
    empty,
    nonEmpty: a.nonEmpty + b.nonEmpty,
    text: {
      min: compareText(a.text.min, b.text.min) <= 0 ? a.text.min : b.text.min,
      max: compareText(a.text.max, b.text.max) >= 0 ? a.text.max : b.text.max,
    },
    numbers: a.numbers === null || b.numbers === null ? null : mergeNumbers(a.numbers, b.numbers),
  };
}

function mergeNumbers(a: NumberProfile, b: NumberProfile): NumberProfile {
  const min = Math.min(a.min, b.min);
  const max = Math.max(a.max, b.max);
  const exponent = fitExponent(min, max, Math.max(a.bins.exponent, b.bins.exponent));
  return {
    min,
    max,
    whole: a.whole && b.whole,
    sum: addSums(a.sum, b.sum),
    bins: addBins(a.bins, b.bins, exponent),
  };
}

/** By code point. (`<` compares UTF-16 units, which order differently beyond U+FFFF.) */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** What the API shows of a dataset's profile. */
export function presentProfile(columns: readonly string[], profile: Profile): ColumnSummary[] {
  return columns.map((name, index): ColumnSummary => {
    const { empty, nonEmpty, text, numbers } = profile[index] ?? {
      empty: 0,
      nonEmpty: 0,
      text: null,
      numbers: null,
    };
    const counts = { empty, nonEmpty };
    if (numbers === null) {
      return {
        name,
        type: 'text',
        ...counts,
        min: text?.min ?? null,
        max: text?.max ?? null,
        mean: null,
        histogram: null,
      };
    }
    const { min, max, sum } = numbers;
    const mean = meanOf(sum, nonEmpty, min, max);
    return { name, type: 'number', ...counts, min, max, mean, histogram: presentBins(numbers) };
  });
}

function presentBins({ bins, whole }: NumberProfile): HistogramBin[] {
  // Whole numbers get bins of whole numbers: all values 5 are one bin from 5 to 6.
  const { exponent, first, counts } = whole && bins.exponent < 0 ? coarsen(bins, 0) : bins;
  const width = 2 ** exponent;
  return counts.map((count, index) => ({
    from: finite((first + index) * width),
    to: finite((first + index + 1) * width),
    count,
  }));
}

/** The bins at both ends of the range of doubles end just beyond it, which JSON could not say. */
function finite(value: number): number {
  return Math.min(Number.MAX_VALUE, Math.max(-Number.MAX_VALUE, value));
}
