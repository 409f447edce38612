/*
 * `npm run check:infra`: lints every template, then runs the tests of `test/infra`. Needs Python, which cfn-lint is
 * written in; cfn-lint itself is installed into `.tools/` at the first run. Exits 1 when anything is found.
 *   --lint          leaves out the tests: `npm test` has them
 *   --if-installed  lints only where cfn-lint is there already
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { cfnLint, lint } from './check-infra/cfn-lint.ts';
import { isInstalled, ToolError } from './python-tool.ts';

/** One where services come first, and one elsewhere. */
const REGIONS = ['us-east-1', 'eu-west-1'];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const options = new Set(process.argv.slice(2));

try {
  const linted = lintTemplates();
  const tested = options.has('--lint') || runTests();
  process.exitCode = linted && tested ? 0 : 1;
} catch (error) {
  if (!(error instanceof ToolError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

function lintTemplates(): boolean {
  if (options.has('--if-installed') && !isInstalled(cfnLint)) {
    console.log('cfn-lint: not installed, so left out; `npm run check:infra` brings it');
    return true;
  }
  const templates = globSync('infra/*.yml').toSorted();
  const clean = lint(templates, REGIONS);
  console.log(clean ? `cfn-lint: ${templates.length} templates, nothing found` : 'cfn-lint: see above');
  return clean;
}

function runTests(): boolean {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'infra'];
  return spawnSync(process.execPath, args, { stdio: 'inherit' }).status === 0;
}
