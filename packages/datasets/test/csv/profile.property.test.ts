import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mergeProfiles, presentProfile } from '../../src/csv/index.ts';
import type { ColumnSummary, HistogramBin, Profile } from '../../src/csv/index.ts';
import { RUNS, chunkSizes, dialects, documents, figures } from './documents.ts';
import { failureOf, loadFile } from './load-file.ts';
import type { LoadedFile } from './load-file.ts';
import { exactMean, referenceProfile } from './reference-profile.ts';

const TIMEOUT = 5_000 + 10 * RUNS;
const PLAIN = { delimiter: ',', header: false, encoding: 'utf-8' } as const;

/** A column as shown, or what is wrong with its mean or histogram. */
function check(shown: ColumnSummary | undefined, values: number[] | null) {
  if (shown === undefined) return 'missing';
  const { type, empty, nonEmpty, min, max, mean, histogram } = shown;
  if (values === null)
    return mean === null && histogram === null ? { type, empty, nonEmpty, min, max } : 'not null';
  if (mean === null || !isMean(mean, values)) return `${mean} is not the mean`;
  const problem = problemOf(histogram ?? [], values);
  return problem ?? { type, empty, nonEmpty, min, max };
}

/** Each column as shown and as it should be. */
function compare({ columns, rows, profile }: LoadedFile) {
  const shown = presentProfile(columns, profile);
  const cells = rows.map(([, row]) => row);
  const expected = referenceProfile(columns.length, cells);
  return {
    shown: expected.map(({ values }, index) => check(shown[index], values)),
    expected: expected.map(({ type, empty, nonEmpty, min, max }) => ({ type, empty, nonEmpty, min, max })),
  };
}

function isMean(mean: number, values: number[]): boolean {
  const size = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  // As exact as the sum of such values can be; the mean itself may be much smaller. Halves do not overflow.
  return Math.abs(mean / 2 - exactMean(values) / 2) <= Math.max(size * 1e-14, Number.MIN_VALUE);
}

function problemOf(bins: HistogramBin[], values: number[]): string | null {
  if (bins.length === 0 || bins.length > 64) return `${bins.length} bins`;
  if (bins[0]?.count === 0 || bins.at(-1)?.count === 0) return 'an empty bin at an end';
  for (const [index, { from, to, count }] of bins.entries()) {
    if (from >= to || (index > 0 && from !== bins[index - 1]?.to)) return `bin ${index} is out of order`;
    const last = to === Number.MAX_VALUE;
    const inside = values.filter((value) => value >= from && (value < to || last)).length;
    if (inside !== count) return `bin ${index} has ${count}, not ${inside}`;
  }
  // The finest bins of a power of two that will do: halves would be too many, or no exact doubles, or no whole numbers.
  const uncut = bins.find(({ from, to }) => from !== -Number.MAX_VALUE && to !== Number.MAX_VALUE);
  if (uncut === undefined) return null;
  const width = uncut.to - uncut.from;
  if (!Number.isInteger(Math.log2(width)) && width >= 2 ** -1000) return `width ${width}`;
  const whole = values.every((value) => Number.isInteger(value));
  const [min, max] = [Math.min(...values), Math.max(...values)];
  // (A tiny negative value may vanish in the division.)
  const bin = (value: number) => Math.floor(value / (width / 2)) || (value < 0 ? -1 : 0);
  const size = Math.max(Math.abs(min), Math.abs(max));
  const finest = (whole && width === 1) || size / (width / 2) >= 2 ** 52 || width <= 2 ** -1022;
  return finest || bin(max) - bin(min) >= 64 ? null : `width ${width} could be halved`;
}

test('the profile of any file is that of its loaded rows', { timeout: TIMEOUT }, () => {
  fc.assert(
    fc.property(documents, dialects, chunkSizes, (file, dialect, chunkBytes) => {
      fc.pre(failureOf(file, { dialect }) === 'none');
      const { shown, expected } = compare(loadFile(file, { dialect, chunkBytes }));
      expect(shown).toEqual(expected);
    }),
    { numRuns: RUNS },
  );
});

test('a chunk of many blocks has the profile of its rows', () => {
  // Numbers of ever larger range and texts of ever larger extremes, so that each block has something to change.
  const rows = Array.from({ length: 20_000 }, (_, index) => {
    const wave = Math.sin(index * index);
    const text = `${'n'.repeat(index % 11)}${wave}`;
    return [wave * 1.0005 ** index, Math.trunc(wave * index), index % 7 === 0 ? '' : index, text].join(',');
  });
  const loaded = loadFile(`${rows.join('\n')}\n`, { dialect: PLAIN });
  expect(loaded.chunks.length).toBe(1);
  const { shown, expected } = compare(loaded);
  expect(shown).toEqual(expected);
});

test('the profile of figures and texts is that of its loaded rows', { timeout: TIMEOUT }, () => {
  fc.assert(
    fc.property(figures, chunkSizes, (text, chunkBytes) => {
      fc.pre(text !== '');
      const loaded = loadFile(Buffer.from(text, 'latin1'), { dialect: PLAIN, chunkBytes });
      const { shown, expected } = compare(loaded);
      expect(shown).toEqual(expected);
    }),
    { numRuns: RUNS / 5 },
  );
});

test(
  'profiles of chunks add up to the same whatever the chunks and their order',
  { timeout: TIMEOUT },
  () => {
    const withoutMeans = (columns: readonly string[], profile: Profile) =>
      presentProfile(columns, profile).map(({ name, type, empty, nonEmpty, min, max, histogram }) => ({
        name,
        type,
        empty,
        nonEmpty,
        min,
        max,
        histogram,
      }));
    fc.assert(
      fc.property(figures, figures, figures, chunkSizes, (a, b, c, chunkBytes) => {
        fc.pre(a !== '' && b !== '' && c !== '');
        const load = (text: string) => loadFile(Buffer.from(text, 'latin1'), { dialect: PLAIN, chunkBytes });
        const { columns, profile } = load(a + b + c);
        const [one, two, three] = [load(a).profile, load(b).profile, load(c).profile];
        const whole = withoutMeans(columns, profile);
        expect(withoutMeans(columns, mergeProfiles(one, mergeProfiles(two, three)))).toEqual(whole);
        expect(withoutMeans(columns, mergeProfiles(mergeProfiles(three, one), two))).toEqual(whole);
      }),
      { numRuns: RUNS / 10 },
    );
  },
);
