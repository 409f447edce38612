/*
 * `npm run bench [-- NAME…] [--rounds N]`: runs the benchmarks of test/bench/, all or those that are named, prints what
 * they measured and writes it into docs/performance.md.
 */
import { parseArgs } from 'node:util';
import type { Benchmark } from '../test/bench/support/benchmark.ts';
import { circumstances, writePart } from '../test/bench/support/document.ts';

const NAMES = ['load', 'size', 'workers', 'small-files', 'consumer', 'reads', 'latency', 'csv', 'capacity'];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' } },
});
const unknown = positionals.filter((name) => !NAMES.includes(name));
const asked = Number(values.rounds ?? 1);
if (unknown.length > 0 || !Number.isInteger(asked) || asked < 1) {
  for (const name of unknown) console.error(`there is no benchmark “${name}”`);
  console.error(`usage: npm run bench [-- NAME…] [--rounds N]\nbenchmarks: ${NAMES.join(', ')}`);
  process.exit(2);
}

for (const name of positionals.length > 0 ? positionals : NAMES) {
  const { default: benchmark } = (await import(`../test/bench/${name}.ts`)) as { default: Benchmark };
  const rounds = values.rounds === undefined ? benchmark.rounds : asked;
  console.log(`\n## ${benchmark.title}\n`);
  const part = `${await benchmark.run(rounds)}\n\n${circumstances(rounds)}`;
  console.log(part);
  writePart(name, part);
}
