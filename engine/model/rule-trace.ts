import type { RowStream } from './row-stream.ts';
import type { Severity } from './rule.ts';

/** What is kept of a rule that has open alerts, so that they can be published as resolved if the plan no longer has the rule. Plain data. */
export interface RuleTrace {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  /** The stream of the rule. */
  readonly stream: RowStream;
  readonly per: readonly string[];
  /** Severity of each level, lowest first. */
  readonly severities: readonly Severity[];
  readonly params: Readonly<Record<string, unknown>>;
  /** Units of the facts that have one, by name. */
  readonly units: Readonly<Record<string, string>>;
}
