import { fileURLToPath } from 'node:url';

export const MIB = 1_048_576;
/** The built engine. */
export const CLI = fileURLToPath(new URL('../../dist/engine/cli.js', import.meta.url));

/** One line of output of a benchmark. `ratio` is value / baseline; absolute values cannot be compared between machines. */
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
  /** `options`: the arguments of the command line that begin with `--`, without `--json`. */
  run(options: readonly string[]): Promise<readonly BenchResult[]>;
}
