import { defineConfig } from 'vitest/config';

/** Run by `npm run test:pipeline`, which brings the AWS CLI. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    include: ['test/pipeline/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 120_000,
    fileParallelism: false,
  },
});
