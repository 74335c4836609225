import { defineConfig } from 'vitest/config';

/** The tests that need no server and take no more than some hundred milliseconds a file: for every save. `npm test` runs all of them. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/{deploy,docs,integration,pipeline,rules}/**',
      'test/**/*.property.test.ts',
      'test/alerts/levels.test.ts',
      'test/commands/**',
      'test/connectors/**',
      'test/decode/{numbering,properties,redelivery}.test.ts',
      'test/journal/**',
      'test/language/{conformance,contradictions}.test.ts',
      'test/runtime/**',
      'test/simulator/**',
      'test/windows/sequence.test.ts',
    ],
    testTimeout: 30_000,
    maxWorkers: 2,
  },
});
