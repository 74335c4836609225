import { defineConfig } from 'vitest/config';

/** The tests that need no server and take no more than some hundred milliseconds a file: for every save. `npm test` runs all of them. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/{deploy,docs,faults,integration,pipeline,rules}/**',
      'test/**/*.property.test.ts',
      'test/alerts/levels.test.ts',
      'test/commands/**',
      'test/config/{parse,schema}.test.ts',
      'test/connectors/**',
      'test/decode/{numbering,properties,redelivery}.test.ts',
      'test/journal/**',
      'test/language/{conformance,contradictions,own-operators}.test.ts',
      'test/runtime/**',
      'test/simulator/**',
      'test/windows/{hopping,in-order,sequence}.test.ts',
    ],
    isolate: false,
    testTimeout: 30_000,
    maxWorkers: 2,
  },
});
