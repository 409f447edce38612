import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//;

/**
 * The licences of the packages that modules come from, as their texts demand of those who pass copies on.
 *
 * @param modules paths of the bundled modules
 * @throws for a package that names no licence
 */
export function licences(modules: string[]): string {
  const folders = new Set(
    modules.map((path) => PACKAGE.exec(path)?.[1]).filter((folder) => folder !== undefined),
  );
  return [...folders]
    .toSorted()
    .map(licenceOf)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  if (typeof license !== 'string') throw new Error(`${String(name)} names no licence: may it be passed on?`);
  const texts = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return [`${String(name)} ${String(version)} (${license})`, ...texts].join('\n\n') + '\n';
}
