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
