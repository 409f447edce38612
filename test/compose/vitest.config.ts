import { defineConfig } from 'vitest/config';

/** Run by `npm run test:compose`, which has brought the stack up. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    projects: [
      {
        test: {
          name: 'acceptance',
          include: ['test/acceptance/**/*.test.ts'],
          globalSetup: 'test/support/target.ts',
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'compose',
          include: ['test/compose/**/*.test.ts'],
          globalSetup: 'test/support/target.ts',
          // One stack, which these tests break and mend.
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
