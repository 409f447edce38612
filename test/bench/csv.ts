/* Speed of the CSV engine alone, on one thread, with files made up in memory. */
import { Splitter, createChunkEncoder } from '../../packages/datasets/src/csv/index.ts';
import type { Encoding, SplitResult } from '../../packages/datasets/src/csv/index.ts';
import { type Benchmark, spread, table, takeTurns } from './support/benchmark.ts';

const MEGABYTES = 64;
/** What S3 hands out at a time. */
const PORTION = 64 * 1024;

const words = 'the quick brown fox jumps over a lazy dog and then goes on again'.split(' ');
const sentence = (index: number, length: number): string =>
  Array.from({ length }, (_, word) => words[(index + word * word) % words.length]).join(' ');

const kinds: Record<string, { encoding?: Encoding; line: (index: number) => string }> = {
  'plain, 8 short cells': {
    line: (i) =>
      `${i},KORD${i % 977},New York City ${i % 31},${((i * 7919) % 100_000) / 100},2024-0${1 + (i % 9)}-11,` +
      `${i % 17 === 0 ? 'no' : 'yes'},41.${i % 9999},-87.${i % 7777}\n`,
  },
  'numbers only': {
    line: (i) =>
      `${i},${(i * 7919) % 1_000_000},${Math.sin(i)},${((i * 31) % 977) / 100},-${i % 360}.5,${i * 1e3}\n`,
  },
  'plain, 30-byte cells': {
    line: (i) => `${sentence(i, 6)},${sentence(i + 1, 6)},${sentence(i + 2, 6)},${i}\n`,
  },
  'quoted, doubled quotes, CRLF': {
    line: (i) =>
      `"${i}","KORD ${i % 977}","he said ""hi"" and left ${i}","2024-0${1 + (i % 9)}-11","${i % 7}"\r\n`,
  },
  'quoted cells of 100 kB': { line: (i) => `${i},"${sentence(i, 20_000)}\n""${i}"""\n` },
  'windows-1252': {
    encoding: 'windows-1252',
    line: (i) => `${i},Caf\xe9 M\xfcller ${i % 31},${sentence(i, 5)}\n`,
  },
};

export default {
  title: 'CSV engine',
  rounds: 3,
  async run(rounds) {
    const rows: string[][] = [];
    for (const [name, { line, encoding = 'utf-8' }] of Object.entries(kinds)) {
      const file = generate(line);
      const result = split(file, encoding);
      const { figures } = await takeTurns(
        {
          split: speed(file, () => void split(file, encoding)),
          encode: speed(file, () => encode(file, result, false)),
          profile: speed(file, () => encode(file, result, true)),
        },
        rounds,
      );
      rows.push([name, ...['split', 'encode', 'profile'].map((step) => spread(figures(step), 0))]);
    }
    return table(['MB/s', 'split', 'encode', 'encode and profile'], rows);
  },
} satisfies Benchmark;

function generate(line: (index: number) => string): Buffer {
  const bytes = Buffer.alloc(MEGABYTES * 1e6);
  let at = 0;
  for (let index = 0; ; index++) {
    const text = line(index);
    if (at + text.length > bytes.length) return bytes.subarray(0, at);
    at += bytes.write(text, at, 'latin1');
  }
}

function split(file: Buffer, encoding: Encoding): SplitResult {
  const splitter = new Splitter({ dialect: { delimiter: 'auto', header: false, encoding } });
  for (let at = 0; at < file.length; at += PORTION) splitter.push(file.subarray(at, at + PORTION));
  return splitter.end();
}

function encode(file: Buffer, { dialect, columns, chunks }: SplitResult, profile: boolean): void {
  for (const { start, end, firstRow, firstLine } of chunks) {
    const encoder = createChunkEncoder({
      dialect,
      columnCount: columns.length,
      firstRow,
      firstLine,
      profile,
    });
    let bytes = 0;
    for (const block of encoder.encode(file.subarray(start, end))) bytes += block.length;
    if (encoder.result().rejected > 0 || bytes === 0)
      throw new Error('The data is meant to have no rejects.');
  }
}

/** In MB/s. */
function speed(file: Buffer, run: () => void): () => Promise<number> {
  return async () => {
    const start = performance.now();
    run();
    return file.length / 1e3 / (performance.now() - start);
  };
}
