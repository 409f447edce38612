/*
 * Writes the documents that are made from the code: docs/openapi.json, docs/errors.md, docs/environment.md,
 * docs/costs.md, docs/dependencies.md.
 * With --check writes nothing and fails when one of them is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { costsDocument } from './docs/costs.ts';
import { dependenciesDocument } from './docs/dependencies.ts';
import { environmentDocument } from './docs/environment.ts';
import { errorsDocument } from './docs/errors.ts';
import { openapiDocument } from './docs/openapi.ts';

const folder = fileURLToPath(new URL('../docs/', import.meta.url));

const documents = {
  'openapi.json': await openapiDocument(),
  'errors.md': errorsDocument(),
  'environment.md': environmentDocument(),
  'costs.md': costsDocument(),
  'dependencies.md': dependenciesDocument(),
};

const check = process.argv.includes('--check');
const stale = Object.entries(documents).filter(([name, text]) => current(name) !== text);

for (const [name, text] of stale) {
  if (check) console.error(`docs/${name} is out of date: run \`npm run docs\``);
  else writeFileSync(folder + name, text);
}
if (check && stale.length > 0) process.exit(1);

function current(name: string): string | undefined {
  try {
    return readFileSync(folder + name, 'utf8');
  } catch {
    return undefined; // It is about to be written for the first time.
  }
}
