import type { FieldValue } from '../model/field.ts';
import type { Reading } from '../model/reading.ts';

/** The newest reading of each key, for rules that join the last known values of another stream (`with`, `last`). */
export interface LastKnown {
  /** Receive time of the tick that last removed old values; 0 before the first. */
  sweptAt: number;
  readonly byKey: Map<string, Known>;
}

/** The last known values of a key. */
export interface Known {
  /** Event time of its newest reading. */
  readonly at: number;
  readonly values: readonly (FieldValue | undefined)[];
  /** Live time at its arrival, on the connection of its broker. */
  readonly seenLiveMs: number;
  /** Index of that broker. */
  readonly connection: number;
}

/** The properties that all known values share, as plain data. */
export interface LastKnownHead {
  /** Names of the fields, in the order of the values. Values with another list of fields cannot be used. */
  readonly fields: readonly string[];
  readonly version: string;
  readonly sweptAt: number;
}

/** The last known values of a key, as plain data: the key's text, then the rest. An absent value is null. */
export type LastKnownEntry = readonly [text: string, known: Omit<Known, 'values'>, values: (FieldValue | null)[]];

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
export function rememberReading({ byKey }: LastKnown, text: string, reading: Reading, most: number): boolean {
  const known = byKey.get(text);
  if (known === undefined && byKey.size >= most) return false;
  if (known !== undefined && reading.time < known.at) return true;
  const { time: at, values, liveMs: seenLiveMs, connection } = reading;
  byKey.set(text, { at, values, seenLiveMs, connection });
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
): void {
  if (Math.abs(tick.at - last.sweptAt) < SWEEP_MS) return;
  last.sweptAt = tick.at;
  for (const [text, { seenLiveMs, connection }] of last.byKey) {
    if (tick.liveMs[connection]! - seenLiveMs > lastMs + GRACE_MS) last.byKey.delete(text);
  }
}

/** The known values as plain data, key by key. */
export function* listLastKnown({ byKey }: LastKnown): Generator<LastKnownEntry> {
  for (const [text, { values, ...rest }] of byKey) yield [text, rest, values.map((value) => value ?? null)];
}

/** Restores the known values of a key. `reconnected` translates the broker's index and live time to the current config. */
export function restoreKnown(
  { byKey }: LastKnown,
  [text, rest, values]: LastKnownEntry,
  reconnected: (seen: Omit<Known, 'values'>) => Omit<Known, 'values'>,
): void {
  byKey.set(text, { ...reconnected(rest), values: values.map((value) => value ?? undefined) });
}
