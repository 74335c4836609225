import type { RuleFile, SharedFile } from '../../model/rule.ts';

/** A file of cases, as authors of rules write it. Instants are texts such as `"90s"`, counted from the start of the case. */
export interface CaseFile {
  readonly $schema?: string;
  readonly about?: string;
  readonly cases: readonly Case[];
}

/** A test case: the input, and the exact output. Only the present sections from `windows` to `rejected` are compared. */
export interface Case {
  readonly about: string;
  readonly rule?: RuleDraft;
  readonly rules?: readonly RuleDraft[];
  /** Conditions and lists that its rules refer to by name. Default: those of the setup. */
  readonly shared?: SharedFile;
  /** The time of `"0s"`, RFC 3339 in UTC. Default `CASE_START`. */
  readonly start?: string;
  /** Whether there is a tick at every full second. Default true. */
  readonly ticks?: boolean;
  /** When the case ends. Default: at the last step. */
  readonly until?: string;
  readonly readings: readonly CaseStep[];
  readonly windows?: readonly ExpectedWindow[];
  readonly facts?: readonly ExpectedFacts[];
  readonly alerts?: readonly ExpectedAlert[];
  readonly events?: readonly ExpectedEvent[];
  readonly devices?: readonly ExpectedDevice[];
  readonly late?: readonly ExpectedLate[];
  readonly rejected?: readonly ExpectedRejection[];
}

/** A rule; keys that do not matter to the case may be absent. */
export type RuleDraft = Partial<RuleFile>;

/** Default start of a case: a Thursday at 00:00, when windows of every usual length begin. */
export const CASE_START = '2026-01-01T00:00:00Z';

/** A step of a case. It is a reading unless it has the key of another kind of step. */
export type CaseStep = Readonly<Record<string, unknown>>;

/** The expected value of a fact: the value, or the bounds of an approximate value. */
export type ExpectedValue = number | string | boolean | null | { readonly atLeast: number; readonly atMost: number };

/** Identifies an alert or window by its rule and key. */
interface AlertRef {
  /** Default: the only rule of the case. */
  readonly rule?: string;
  /** Default: the key of readings that name neither device nor labels. */
  readonly key?: string;
}

export interface ExpectedWindow extends AlertRef {
  readonly from: string;
  readonly to: string;
  /** Every fact of the rule, null if it has no value. Default: not compared. */
  readonly facts?: Readonly<Record<string, ExpectedValue>>;
  /** Receive time of the record that closed it. Default: not compared. */
  readonly closed?: string;
}

/** An expected result of a view for a key. */
export interface ExpectedFacts extends AlertRef {
  /** End of its window, or the timestamp of its reading. */
  readonly at: string;
  /** Start of its window. Default: not compared. */
  readonly from?: string;
  /** Every fact of the view, null if it has no value. */
  readonly facts: Readonly<Record<string, ExpectedValue>>;
}

/** An expected change of the state of an alert. Absent keys are not compared. */
export interface ExpectedAlert extends AlertRef {
  readonly at: string;
  readonly to: 'pending' | 'firing' | 'resolved' | 'inactive';
  readonly from?: ExpectedAlert['to'];
  readonly severity?: string;
  readonly previousSeverity?: string;
  /** When the conditions began to hold. */
  readonly since?: string;
  /** Receive time of the record that caused it. */
  readonly recorded?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly suppressed?: string;
  /** The facts to compare. */
  readonly facts?: Readonly<Record<string, ExpectedValue>>;
  /** Timestamps of the earliest and the latest reading that caused it. */
  readonly evidence?: { readonly from: string; readonly to: string };
}

/** An expected event of an alert. Absent keys are not compared. */
export interface ExpectedEvent extends AlertRef {
  readonly at: string;
  readonly type: 'firing' | 'resolved' | 'repeat' | 'flapping' | 'limited';
  readonly severity?: string;
  readonly message?: string;
  readonly reason?: string;
  /** For `limited`: number of alerts that were published. */
  readonly told?: number;
  /** For `limited`: number of alerts that were suppressed. */
  readonly heldBack?: number;
  /** For `limited`: keys of the suppressed alerts. */
  readonly keys?: readonly string[];
}

export interface ExpectedDevice {
  readonly at: string;
  /** Default `d1`. */
  readonly device?: string;
  readonly to: 'online' | 'offline';
  readonly reason?: string;
}

export interface ExpectedLate {
  readonly at: string;
  /** Default `d1`. */
  readonly device?: string;
}

export interface ExpectedRejection {
  /** Receive time. */
  readonly at: string;
  readonly reason: string;
}
