/** One of the benchmarks that `npm run bench` runs; the default export of a file of test/bench/. */
export interface Benchmark {
  /** Heading of its part of docs/performance.md. */
  title: string;
  /** Rounds that are counted, unless `--rounds` says otherwise. */
  rounds: number;
  /** Measures and gives the part's text, in Markdown. */
  run: (rounds: number) => Promise<string>;
}

/** Measures one contender once; returns its figure. */
export type Contender = () => Promise<number>;

/** What the contenders of one comparison came to, round by round. */
export interface Comparison {
  /** In the order of the rounds. */
  figures: (name: string) => readonly number[];
  /** `name`'s figure over `other`'s, round by round: what of a noisy machine they share cancels out. */
  ratios: (name: string, other: string) => readonly number[];
}

/**
 * Lets contenders take turns: in each round all of them once, each round beginning with another. One round more than
 * is counted goes first and warms up.
 */
export async function takeTurns(
  contenders: Readonly<Record<string, Contender>>,
  rounds: number,
): Promise<Comparison> {
  const names = Object.keys(contenders);
  const all = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] ?? '';
      const figure = await contenders[name]?.();
      if (round > 0 && figure !== undefined) all.get(name)?.push(figure);
    }
  }
  const figures = (name: string): readonly number[] => all.get(name) ?? [];
  return {
    figures,
    ratios: (name, other) => figures(name).map((figure, round) => figure / (figures(other)[round] ?? NaN)),
  };
}

export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const [below = NaN, above = NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (below + above) / 2;
}

/** `1.32 (1.10–1.45)`: the median, and between what it lies. */
export function spread(figures: readonly number[], digits: number): string {
  const [least, most] = [Math.min(...figures), Math.max(...figures)].map((figure) => figure.toFixed(digits));
  return `${median(figures).toFixed(digits)} (${least}–${most})`;
}

/** A Markdown table. The first column is text, the others figures. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = columns.map((_, index) => (index === 0 ? '---' : '--:'));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
