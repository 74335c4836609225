import type { FieldValue } from '../model/field.ts';
import type { Reading } from '../model/reading.ts';

/** The newest reading of each key, for streams that look at another one's last known values. */
export interface LastKnown {
  /** Receive time of the tick that last looked for what is too old; 0 before the first. */
  sweptAt: number;
  readonly byKey: Map<string, Known>;
}

/** What is known of a key. */
export interface Known {
  /** Event time of its newest reading. */
  readonly at: number;
  readonly values: readonly (FieldValue | undefined)[];
  /** Live time at which it came, and the index of its broker. */
  readonly seenLiveMs: number;
  readonly connection: number;
}

/** What is common to the known values, in plain data. */
export interface LastKnownHead {
  /** Whose values they are, in their order; those of another list mean something else. */
  readonly fields: readonly string[];
  readonly version: string;
  readonly sweptAt: number;
}

/** What is known of a key, in plain data: its text, and null for a value that is absent. */
export type LastKnownEntry = readonly [text: string, known: Omit<Known, 'values'>, values: (FieldValue | null)[]];

/** How often it is looked for what is too old, and how much longer than it can be asked for it is kept: readings may be that much on their way. */
const SWEEP_MS = 60_000;
const GRACE_MS = 3_600_000;

export function createLastKnown(): LastKnown {
  return { sweptAt: 0, byKey: new Map() };
}

/**
 * Keeps the reading, unless a newer one is known; of equal stamps the later arrival is the newer. False where it is of a further key and `most`
 * are known.
 */
export function note({ byKey }: LastKnown, text: string, reading: Reading, most: number): boolean {
  const known = byKey.get(text);
  if (known === undefined && byKey.size >= most) return false;
  if (known !== undefined && reading.time < known.at) return true;
  const { time: at, values, liveMs: seenLiveMs, connection } = reading;
  byKey.set(text, { at, values, seenLiveMs, connection });
  return true;
}

/** The values known of a key whose stamp is no further than `lastMs` from `at`, to either side. */
export function lookUp({ byKey }: LastKnown, text: string, at: number, lastMs: number): Known['values'] | undefined {
  const known = byKey.get(text);
  return known !== undefined && Math.abs(at - known.at) <= lastMs ? known.values : undefined;
}

/**
 * Forgets what nothing can ask for any more. How old it is goes by live time, not by stamps: the fast clock of one device must not
 * take away what others know, and our own outage is no time that has passed for them.
 */
export function sweep(
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

/** Takes what is known down, key by key. */
export function* listLastKnown({ byKey }: LastKnown): Generator<LastKnownEntry> {
  for (const [text, { values, ...rest }] of byKey) yield [text, rest, values.map((value) => value ?? null)];
}

/** Takes over what was taken down of a key; `reconnected` says what brokers are now. */
export function restoreKnown(
  { byKey }: LastKnown,
  [text, rest, values]: LastKnownEntry,
  reconnected: (heard: Omit<Known, 'values'>) => Omit<Known, 'values'>,
): void {
  byKey.set(text, { ...reconnected(rest), values: values.map((value) => value ?? undefined) });
}
