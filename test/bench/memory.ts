import type { BenchCase } from './bench.ts';

export const memory: BenchCase = {
  name: 'memory',
  summary: 'engine RSS in the demo with 1,000 devices',
  run: async () => [],
};
