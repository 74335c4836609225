import type { FieldValue } from '../model/field.ts';
import type { Reading } from '../model/reading.ts';

/** The newest reading of each key, for rules that join the last known values of another stream (`with`, `last`). */
export interface LastKnown {
  /** Receive time of the tick that last removed old values; 0 before the first. */
  sweptAt: number;
  readonly byKey: Map<string, Known>;
}

/** The last known values of a key. */
export interface Known extends Seen {
  readonly text: string;
  /** For checkpoints, see `Part` in state/changes. */
  number: number;
  section: number;
  values: readonly (FieldValue | undefined)[];
}

/** When the last known values were received. */
interface Seen {
  /** Event time of the newest reading of the key. */
  at: number;
  /** Live time at its arrival, on the connection of its broker. */
  seenLiveMs: number;
  /** Index of that broker. */
  connection: number;
}

/** Informs checkpoints about changes, see `Changes` in state/changes. */
interface KnownChanges {
  next: number;
  add(known: Known): void;
  touch(known: Known): void;
  remove(known: Known): void;
}

/** The properties that all known values share, as plain data. */
export interface LastKnownHead {
  /** Names of the fields, in the order of the values. Values with another list of fields cannot be used. */
  readonly fields: readonly string[];
  readonly version: string;
  readonly sweptAt: number;
}

/** The last known values of a key, as plain data: the key's text, then the rest. An absent value is null. */
export type LastKnownEntry = readonly [text: string, seen: Seen, values: (FieldValue | null)[]];

/** The interval at which old values are removed. */
const SWEEP_MS = 60_000;
/** Values are kept for this much longer than `last`, because readings may be delayed by that much. */
const GRACE_MS = 3_600_000;

/** The state before the first reading. */
export function createLastKnown(): LastKnown {
  return { sweptAt: 0, byKey: new Map() };
}

/**
 * Stores the reading, unless a newer one of its key is known; of equal stamps the later arrival is newer. Returns false if the key is new and
 * `most` keys are already known.
 */
export function rememberReading(
  { byKey }: LastKnown,
  text: string,
  reading: Reading,
  most: number,
  changes: KnownChanges,
): boolean {
  const known = byKey.get(text);
  const { time: at, values, liveMs: seenLiveMs, connection } = reading;
  if (known !== undefined) {
    if (at < known.at) return true;
    changes.touch(known);
    Object.assign(known, { at, values, seenLiveMs, connection });
    return true;
  }
  if (byKey.size >= most) return false;
  const added: Known = { text, number: changes.next++, section: 0, at, seenLiveMs, connection, values };
  byKey.set(text, added);
  changes.add(added);
  return true;
}

/** The known values of a key, if their stamp is at most `lastMs` before or after `at`; else undefined. */
export function valuesNear(
  { byKey }: LastKnown,
  text: string,
  at: number,
  lastMs: number,
): Known['values'] | undefined {
  const known = byKey.get(text);
  return known !== undefined && Math.abs(at - known.at) <= lastMs ? known.values : undefined;
}

/**
 * Removes values that can no longer be used. Their age counts in live time, not in stamps: the fast clock of one device must not remove the
 * values of others, and an outage of Weir is no time that passed for them.
 */
export function forgetOld(
  last: LastKnown,
  tick: { readonly at: number; readonly liveMs: readonly number[] },
  lastMs: number,
  changes: KnownChanges,
): void {
  if (Math.abs(tick.at - last.sweptAt) < SWEEP_MS) return;
  last.sweptAt = tick.at;
  for (const known of last.byKey.values()) {
    if (tick.liveMs[known.connection]! - known.seenLiveMs <= lastMs + GRACE_MS) continue;
    last.byKey.delete(known.text);
    changes.remove(known);
  }
}

/** The known values of a key as plain data. */
export function knownEntry({ text, at, seenLiveMs, connection, values }: Known): LastKnownEntry {
  return [text, { at, seenLiveMs, connection }, values.map((value) => value ?? null)];
}

/** Restores the known values of a key. `reconnected` translates the broker's index and live time to the current config. */
export function restoreKnown(
  { byKey }: LastKnown,
  [text, rest, values]: LastKnownEntry,
  reconnected: (seen: Seen) => Seen,
  changes: KnownChanges,
): void {
  const known: Known = {
    text,
    number: changes.next++,
    section: 0,
    ...reconnected(rest),
    values: values.map((value) => value ?? undefined),
  };
  byKey.set(text, known);
  changes.add(known);
}
