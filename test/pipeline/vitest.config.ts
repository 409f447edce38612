import { defineConfig } from 'vitest/config';

/** Run by `npm run test:pipeline`, which brings the AWS CLI. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    include: ['test/pipeline/**/*.test.ts'],
    // A release takes half a minute, and several times that on a busy machine.
    testTimeout: 600_000,
    fileParallelism: false,
    // Each test of a release goes on where the one before ended.
    bail: 1,
  },
});
