/*
 * `npm run test:compose`: builds the images, brings the Compose stack up with two workers, and runs against it the
 * acceptance tests that the embedded stack passes, then those of test/compose/. Takes all of it down again.
 */
import { spawnSync } from 'node:child_process';
import { withStack } from './compose/project.ts';

const settings = {
  // A load of many messages, whose work is taken up soon after its worker was killed.
  CHUNK_BYTES: '65536',
  LEASE_SECONDS: '10',
  RATE_LIMIT_MAX: '0',
};

await withStack({ name: 'stowage-test', settings, scale: { worker: 2 } }, (environment) => {
  const env = { ...environment, STOWAGE_URL: `http://localhost:${environment['PORT']}` };
  for (const project of ['acceptance', 'compose']) {
    const run = ['run', '--config', 'test/compose/vitest.config.ts', '--project', project];
    // A filter that was passed on, as in `npm run test:compose -- drain`, may leave nothing of one of the two.
    const filter = process.argv.slice(2);
    const args = filter.length > 0 ? [...run, '--passWithNoTests', ...filter] : run;
    const { status } = spawnSync('vitest', args, { env, stdio: 'inherit' });
    if (status !== 0) throw new Error(`the ${project} tests failed`);
  }
});
