import { defineConfig } from 'vitest/config';

/** A suite of its own: it takes minutes, and what it breaks and measures wants the machine for itself. */
export default defineConfig({
  root: new URL('../..', import.meta.url).pathname,
  test: {
    name: 'faults',
    include: ['test/faults/**/*.test.ts'],
    // Most of the time an application waits to be mended: two at a time keep two cores busy.
    maxWorkers: 2,
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
});
