/*
 * `npm run test:compose`: builds the images, brings the Compose stack up with two workers, and runs against it the
 * acceptance tests that the embedded stack passes, then those of test/compose/. Takes all of it down again.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withStack } from './compose/project.ts';

const settings = {
  // A load of many messages, whose work is taken up soon after its worker was killed.
  CHUNK_BYTES: '65536',
  LEASE_SECONDS: '10',
  RATE_LIMIT_MAX: '0',
};

try {
  await withStack({ name: 'stowage-test', settings, scale: { worker: 2 } }, (environment) => {
    const env = { ...environment, STOWAGE_URL: `http://localhost:${environment['PORT']}` };
    for (const project of ['acceptance', 'compose']) runTests(project, env);
  });
} catch (error) {
  // Said last, below the containers' logs, where it is looked for.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function runTests(project: string, env: NodeJS.ProcessEnv): void {
  const folder = mkdtempSync(join(tmpdir(), 'stowage-tests-'));
  const report = join(folder, 'report.json');
  try {
    const run = ['run', '--config', 'test/compose/vitest.config.ts', '--project', project];
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    // A filter that was passed on, as in `npm run test:compose -- drain`, may leave nothing of one of the two.
    const filter = process.argv.slice(2);
    const args = filter.length > 0 ? ['--passWithNoTests', ...filter] : [];
    const { status } = spawnSync('vitest', [...run, ...reporters, ...args], { env, stdio: 'inherit' });
    if (status !== 0) throw new Error(`The ${project} tests failed:\n${failures(report)}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** Names and messages of what failed, of Vitest's report in Jest's form. */
function failures(report: string): string {
  if (!existsSync(report)) return 'Vitest ended without a report.';
  const { testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  const failed: string[] = [];
  for (const { name, message, assertionResults } of testResults) {
    if (message) failed.push(`${name}\n${message}`);
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status === 'failed') failed.push(`${name}: ${fullName}\n${failureMessages.join('\n')}`);
    }
  }
  return failed.join('\n\n');
}
