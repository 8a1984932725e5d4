import { defineConfig } from 'vitest/config';

// Continuous integration counts the results from a file; people read the default report.
const report = process.env.TABELLION_TEST_REPORT;

export default defineConfig({
  test: {
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: ['test/interop/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          globalSetup: ['test/interop/peers-present.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Each file runs servers and Go programs of its own; two at a time fill two cores.
          maxWorkers: 2,
          // After the fast tests: groups with different numbers of workers cannot run together.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
