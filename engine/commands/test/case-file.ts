import type { RuleFile, SharedFile } from '../../model/rule.ts';

/** A file of cases as rule authors write it. Instants are texts like `"90s"`, counted from the start of the case. */
export interface CaseFile {
  readonly $schema?: string;
  readonly about?: string;
  readonly cases: readonly Case[];
}

/** What comes in, and exactly what must come of it. Of the parts from `windows` to `rejected`, those that are there are looked at. */
export interface Case {
  readonly about: string;
  readonly rule?: RuleDraft;
  readonly rules?: readonly RuleDraft[];
  /** What its rules refer to by name. Default: what is shared where the case is played. */
  readonly shared?: SharedFile;
  /** Instant of `"0s"`, RFC 3339 in UTC. Default `CASE_START`. */
  readonly start?: string;
  /** Whether a tick comes with every full second. Default true. */
  readonly ticks?: boolean;
  /** How long time goes on. Default: to the last step. */
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

/** A rule in which what does not matter to the case may be left out. */
export type RuleDraft = Partial<RuleFile>;

/** A Thursday, at which windows of every usual length begin. */
export const CASE_START = '2026-01-01T00:00:00Z';

/** Something that happens; a reading where no key of its own tells otherwise. */
export type CaseStep = Readonly<Record<string, unknown>>;

/** A value of a fact: itself, or the bounds of an approximate one. */
export type ExpectedValue = number | string | boolean | null | { readonly atLeast: number; readonly atMost: number };

/** The alert, or window, of which rule and which key. */
interface Whose {
  /** Default: the only rule of the case. */
  readonly rule?: string;
  /** Default: that of readings which name neither device nor labels. */
  readonly key?: string;
}

export interface ExpectedWindow extends Whose {
  readonly from: string;
  readonly to: string;
  /** Every fact of the rule, null where it has no value. Default: whatever they are. */
  readonly facts?: Readonly<Record<string, ExpectedValue>>;
  /** Receive time of what closed it. Default: whenever. */
  readonly closed?: string;
}

/** What a view says of a key. */
export interface ExpectedFacts extends Whose {
  /** End of its window, or the stamp of its reading. */
  readonly at: string;
  /** Start of its window. Default: whenever. */
  readonly from?: string;
  /** Every fact of the view, null where it has no value. */
  readonly facts: Readonly<Record<string, ExpectedValue>>;
}

/** A change of state; what is left out may be as it likes. */
export interface ExpectedAlert extends Whose {
  readonly at: string;
  readonly to: 'pending' | 'firing' | 'resolved' | 'inactive';
  readonly from?: ExpectedAlert['to'];
  readonly severity?: string;
  readonly previousSeverity?: string;
  /** When the conditions began to hold. */
  readonly since?: string;
  /** Receive time of what caused it. */
  readonly recorded?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly suppressed?: string;
  /** Those that matter. */
  readonly facts?: Readonly<Record<string, ExpectedValue>>;
  /** Bounds of the readings behind it. */
  readonly evidence?: { readonly from: string; readonly to: string };
}

/** Something that is told; what is left out may be as it likes. */
export interface ExpectedEvent extends Whose {
  readonly at: string;
  readonly type: 'firing' | 'resolved' | 'repeat' | 'flapping' | 'limited';
  readonly severity?: string;
  readonly message?: string;
  readonly reason?: string;
  readonly told?: number;
  readonly heldBack?: number;
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
