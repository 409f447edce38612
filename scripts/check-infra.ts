/*
 * `npm run check:infra`: lints every template, then runs the tests of `test/infra`. Needs Python, which cfn-lint is
 * written in; cfn-lint itself is installed into `.tools/` at the first run. Exits 1 when anything is found.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lint, ToolError } from './check-infra/cfn-lint.ts';

/** One where services come first, and one elsewhere. */
const REGIONS = ['us-east-1', 'eu-west-1'];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const templates = globSync('infra/*.yml').toSorted();

try {
  const clean = lint(templates, REGIONS);
  console.log(clean ? `cfn-lint: ${templates.length} templates, nothing found` : 'cfn-lint: see above');
  const { status } = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--project', 'infra'],
    { stdio: 'inherit' },
  );
  process.exitCode = clean && status === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
