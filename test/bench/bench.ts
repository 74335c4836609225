import { fileURLToPath } from 'node:url';

export const MIB = 1_048_576;
/** The engine as it is built. */
export const CLI = fileURLToPath(new URL('../../dist/engine/cli.js', import.meta.url));

/** What a case prints, a line each. `ratio` is value over baseline; absolute values mean nothing on another machine. */
export interface BenchResult {
  readonly case: string;
  readonly value: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly unit: string;
}

export interface BenchCase {
  readonly name: string;
  readonly summary: string;
  run(): Promise<readonly BenchResult[]>;
}
