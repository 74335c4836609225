import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MIB = 1_048_576;
/** The built engine: its folder, and its command line. */
export const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
export const CLI = join(DIST, 'engine/cli.js');

/** One line of output of a benchmark. `ratio` is value / baseline; absolute values cannot be compared between machines. */
export interface BenchResult {
  readonly case: string;
  readonly value: number;
  readonly baseline: number;
  readonly ratio: number;
  readonly unit: string;
}

/** Options of the command line; each is for the benchmarks that name it. */
export interface BenchOptions {
  /** Numbers of devices to measure with. */
  readonly devices?: readonly number[];
  /** The git revision that is the baseline. */
  readonly compare?: string;
  /** Messages per second. */
  readonly rates?: readonly number[];
  /** One alert per so many messages. */
  readonly alerts?: readonly number[];
  /** How long each load is measured. */
  readonly seconds?: number;
  /** Where the data is. Default: the folder for temporary files. */
  readonly folder?: string;
}

export interface BenchCase {
  readonly name: string;
  readonly summary: string;
  /** The options that it takes. Default: none. */
  readonly options?: readonly (keyof BenchOptions)[];
  run(options: BenchOptions): Promise<readonly BenchResult[]>;
  /** Shows the results to people, after their lines. */
  table?(results: readonly BenchResult[]): string;
}
