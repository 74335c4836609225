import type { AlertState } from '../model/item.ts';
import type { Lifecycle } from '../model/plan.ts';

/** What is remembered of one alert (one rule, one key). Plain data. Instants are event time, milliseconds. */
export interface AlertRecord {
  state: 'inactive' | 'pending' | 'firing';
  /** When the conditions began to hold; meaningless while inactive. */
  since: number;
  /** When the alert began to be calm while firing; -1 while it is not. */
  calmSince: number;
  /**
   * Outcomes that do not hold matter too. Set by who judges as soon as conditions hold, true to the state once the alert has been
   * moved on: until then a needless outcome may pass, which changes nothing, but none that is needed is left out.
   */
  watched: boolean;
}

/** A change of state that an outcome brings about. */
export interface Change {
  readonly from: AlertState;
  readonly to: AlertState;
  readonly since: number;
}

export function createAlertRecord(): AlertRecord {
  return { state: 'inactive', since: -1, calmSince: -1, watched: false };
}

/**
 * Moves an alert on by one outcome of its rule: inactive → pending (`for`) → firing → (`keepFiring`) → resolved.
 *
 * Outcomes count in the order in which they come. An outcome older than the alert (readings out of order) is taken at its word,
 * but makes no time pass: `for` and `keepFiring` are only ever served by stamps that went forward.
 * A rule without `for` goes from inactive to firing directly; one whose conditions stop holding while pending falls back to inactive.
 * Returns undefined where nothing changed.
 */
export function advance(
  record: AlertRecord,
  lifecycle: Lifecycle,
  outcome: { readonly at: number; readonly holds: boolean; readonly clears: boolean },
): Change | undefined {
  if (record.state === 'firing') return calm(record, lifecycle, outcome);
  const from = record.state;
  if (!outcome.holds) {
    if (from === 'inactive') return undefined;
    record.state = 'inactive';
    return { from, to: 'inactive', since: record.since };
  }
  if (from === 'inactive') record.since = outcome.at;
  if (outcome.at - record.since >= lifecycle.forMs) {
    record.state = 'firing';
    record.calmSince = -1;
    return { from, to: 'firing', since: record.since };
  }
  if (from === 'pending') return undefined;
  record.state = 'pending';
  return { from, to: 'pending', since: record.since };
}

function calm(
  record: AlertRecord,
  lifecycle: Lifecycle,
  outcome: { readonly at: number; readonly holds: boolean; readonly clears: boolean },
): Change | undefined {
  if (!outcome.clears || outcome.holds) {
    record.calmSince = -1;
    return undefined;
  }
  if (record.calmSince < 0) record.calmSince = outcome.at;
  if (outcome.at - record.calmSince < lifecycle.keepFiringMs) return undefined;
  record.state = 'inactive';
  return { from: 'firing', to: 'resolved', since: record.since };
}
