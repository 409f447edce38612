import { defineConfig } from 'vitest/config';

/** A suite of its own: it takes a minute and a half, and asks for nothing else to run beside it. */
export default defineConfig({
  test: {
    name: 'fuzz',
    root: import.meta.dirname,
    include: ['*.test.ts'],
    globalSetup: 'setup.ts',
    // One application for all, one file after the other, and what they import once.
    fileParallelism: false,
    isolate: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
