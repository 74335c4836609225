import type { RowStream } from './row-stream.ts';
import type { Severity } from './rule.ts';

/** What is kept of a rule with its open alerts, so that they can be told as over should the plan no longer have it. Plain data. */
export interface RuleTrace {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  /** The stream that it looks at. */
  readonly stream: RowStream;
  readonly per: readonly string[];
  /** By level, lowest first. */
  readonly severities: readonly Severity[];
  readonly params: Readonly<Record<string, unknown>>;
  /** Units of the facts that have one, by name. */
  readonly units: Readonly<Record<string, string>>;
}
