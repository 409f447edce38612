import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../../docs/performance.md', import.meta.url));

/**
 * Puts a benchmark's part into docs/performance.md, between the comments `bench:NAME` and `/bench:NAME`. What is written
 * around them by hand stays.
 *
 * @throws when the document has no place for it
 */
export function writePart(name: string, text: string): void {
  const document = readFileSync(path, 'utf8');
  const [begin, end] = [`<!-- bench:${name} -->\n`, `\n<!-- /bench:${name} -->`];
  const from = document.indexOf(begin) + begin.length;
  const to = document.indexOf(end);
  if (from < begin.length || to < 0) throw new Error(`docs/performance.md has no place for ${name}`);
  writeFileSync(path, document.slice(0, from) + text + document.slice(to));
}

/** When and where a part was measured, as a line of Markdown. */
export function circumstances(rounds: number): string {
  const day = new Date().toISOString().slice(0, 10);
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return (
    `_${rounds === 1 ? 'One round' : `Medians of ${rounds} rounds (least–most)`}, ${day}: ${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, ` +
    `${memory} GiB, Node ${process.versions.node}, ${process.platform} ${process.arch}._`
  );
}
