import { defineConfig } from 'vitest/config';

const limits = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  test: {
    // Many tests wait for processes and clocks: two at a time keep two cores busy.
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...limits,
          name: 'parts',
          include: [
            'packages/*/test/**/*.test.ts',
            'services/*/test/**/*.test.ts',
            'test/redrive/**/*.test.ts',
            'test/start/**/*.test.ts',
            'test/stow/**/*.test.ts',
            'test/supply/**/*.test.ts',
          ],
        },
      },
      {
        test: {
          ...limits,
          name: 'acceptance',
          include: ['test/acceptance/**/*.test.ts'],
          globalSetup: 'test/support/target.ts',
        },
      },
      {
        test: { ...limits, name: 'infra', include: ['test/infra/**/*.test.ts'] },
      },
    ],
  },
});
