import { listNumbering, type Numbering, type NumberingEntry, restoreNumbering } from '../decode/numbering.ts';
import type { NewestStamps } from '../decode/retained.ts';
import { createTimingWheel, type TimingWheel } from '../devices/timing-wheel.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import {
  createLastKnown,
  type LastKnown,
  type LastKnownEntry,
  type LastKnownHead,
  listLastKnown,
  restoreKnown,
} from '../windows/last-known.ts';
import { type DeviceSnapshot, deviceSnapshot, restoreDevice } from './device.ts';
import { addDevice, createDirectory, type Directory, lookUpKey } from './directory.ts';
import { type KeySnapshot, type KeyState, keySnapshot, restoreKey } from './key.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';

/** What the fold remembers about one stream. */
export interface StreamState extends Directory {
  /** Devices whose stamps are set back to the receive time, until their clock is clearly right. Belongs to decode. */
  readonly skewed: Set<string>;
  /** By device, if the stream declares a sequence. Belongs to decode. */
  readonly numberings: Map<string, Numbering>;
  /** By device, if the stream declares a time: the newest stamp that the device has sent. Belongs to decode. */
  readonly newestSent: NewestStamps;
  /** By keying: how many watermarks all its keys have. Belongs to window; not part of a snapshot, since it follows from the keys. */
  readonly watermarkCounts: number[];
  /** Keys to look at again at a live time. Belongs to presence. Not part of a snapshot: rebuilt on restore. */
  readonly silenceTimers: TimingWheel<KeyState>;
  /** As `silenceTimers`. Belongs to window. */
  readonly windowTimers: TimingWheel<KeyState>;
  /** If the stream is a correlation: the last known values of its other stream, by key. Belongs to derived streams. */
  readonly lastKnown: LastKnown;
}

/** Pieces of a snapshot about one stream. The head comes first; keys come before devices. */
export type StreamPiece = readonly ['stream', StreamHead] | StreamPart;

/** A piece about one part of a stream; it follows the stream's head. */
export type StreamPart =
  | readonly ['key', KeySnapshot]
  | readonly ['device', DeviceSnapshot]
  | readonly ['known', LastKnownEntry]
  | readonly ['numbering', NumberingEntry];

/** The first piece of a stream: what the pieces after it mean. */
export interface StreamHead {
  readonly name: string;
  readonly labels: readonly string[];
  /** Names of the fields, in the order of `DeviceSnapshot.newest`. Absent in what older versions wrote. */
  readonly fields?: readonly string[];
  /** If the stream is a correlation by last known values: what they mean. */
  readonly lastKnown?: LastKnownHead;
  /** The sequence that the stream declares, if it does. */
  readonly sequence?: SequenceConfig;
}

/** Makes the state of a stream before its first reading. */
export function createStream(plan: StreamPlan): StreamState {
  return {
    ...createDirectory(plan),
    skewed: new Set(),
    numberings: new Map(),
    newestSent: new Map(),
    watermarkCounts: plan.keyings.map(() => 0),
    silenceTimers: createTimingWheel(),
    windowTimers: createTimingWheel(),
    lastKnown: createLastKnown(),
  };
}

/** Writes the pieces of a stream. Adds its rules that have an open alert to `open`. */
export function writeStream(
  plan: Plan,
  streamPlan: StreamPlan,
  stream: StreamState,
  open: Set<RulePlan>,
  write: (piece: StreamPiece) => void,
): void {
  const head = headOf(plan, streamPlan, stream);
  write(['stream', head]);
  for (const keying of streamPlan.keyings) {
    const rules = plan.rules.filter((rule) => rule.keying === keying);
    for (const key of stream.keys[keying.index]!.values()) write(['key', keySnapshot(keying, rules, key, open)]);
  }
  for (const device of stream.devices.values()) {
    const { name } = device;
    write(['device', deviceSnapshot(device, stream.newestSent.get(name), stream.skewed.has(name))]);
  }
  if (head.lastKnown !== undefined) for (const entry of listLastKnown(stream.lastKnown)) write(['known', entry]);
  if (head.sequence === undefined) return;
  for (const [device, numbering] of stream.numberings) write(['numbering', listNumbering(device, numbering)]);
}

function headOf(plan: Plan, streamPlan: StreamPlan, { lastKnown: { sweptAt } }: StreamState): StreamHead {
  const { labels, fields, sequence } = streamPlan.config;
  const meaning = meaningOfLastKnown(plan, streamPlan);
  return {
    name: streamPlan.name,
    labels: labels.map(({ name }) => name),
    fields: fields.map(({ name }) => name),
    ...(meaning !== undefined && { lastKnown: { ...meaning, sweptAt } }),
    ...(sequence !== undefined && { sequence }),
  };
}

/** What the last known values of a correlation mean. Undefined if the stream keeps none. */
function meaningOfLastKnown(plan: Plan, { origin }: StreamPlan): Omit<LastKnownHead, 'sweptAt'> | undefined {
  if (origin.kind !== 'correlation' || origin.join.kind !== 'last') return undefined;
  const fields = plan.streams[origin.with]!.config.fields.map(({ name, type }) => `${name}: ${type}`);
  return { fields, version: origin.join.version };
}

/** A stream of the plan, and what it takes from the pieces of the snapshot's stream with its name. */
export interface StreamRestoration {
  readonly streamPlan: StreamPlan;
  readonly stream: StreamState;
  readonly takesLastKnown: boolean;
  readonly takesNumberings: boolean;
  /** See `StreamHead`; empty if the snapshot does not have them. */
  readonly fields: readonly string[];
}

/**
 * Finds the stream that the pieces after this head belong to. Undefined if the plan has no such stream, or one with another meaning. Adds what
 * is left out to `dropped`.
 */
export function beginStream(
  { plan, kept, dropped }: RestoreContext,
  streams: readonly StreamState[],
  from: StreamHead,
): StreamRestoration | undefined {
  const { name, lastKnown, sequence } = from;
  const streamPlan = plan.streams.find((each) => each.name === name);
  const labels = streamPlan?.config.labels.map((label) => label.name);
  const isChangedView = streamPlan?.origin.kind === 'view' && !kept.has(name);
  if (streamPlan === undefined || isChangedView || labels?.join() !== from.labels.join()) {
    // A view is a rule too, which may be in the list already.
    if (!dropped.includes(`rule ${name}`)) dropped.push(`stream ${name}`);
    return undefined;
  }
  const stream = streams[streamPlan.index]!;
  const takesLastKnown = lastKnown !== undefined && meansSame(meaningOfLastKnown(plan, streamPlan), lastKnown);
  if (takesLastKnown) stream.lastKnown.sweptAt = lastKnown.sweptAt;
  else if (lastKnown !== undefined) dropped.push(`last known values of ${name}`);
  const own = streamPlan.config.sequence;
  const takesNumberings = sequence !== undefined && sequence.path === own?.path && sequence.modulus === own.modulus;
  if (sequence !== undefined && !takesNumberings) dropped.push(`sequence numbers of ${name}`);
  return { streamPlan, stream, takesLastKnown, takesNumberings, fields: from.fields ?? [] };
}

function meansSame(meaning: Omit<LastKnownHead, 'sweptAt'> | undefined, { fields, version }: LastKnownHead): boolean {
  return JSON.stringify(meaning) === JSON.stringify({ fields, version });
}

/** Restores one piece of a stream. Call `restoreTimers` after the last one. */
export function restoreStreamPart(
  { streamPlan, stream, takesLastKnown, takesNumberings, fields }: StreamRestoration,
  [kind, from]: StreamPart,
  context: RestoreContext,
): void {
  if (kind === 'key') restoreKeyOf(streamPlan, stream, from, context);
  else if (kind === 'device') {
    // Devices come after keys, so adding the device does not change the order of the keys.
    restoreDevice(addDevice(streamPlan, stream, from.name, from.labels), from, fields, streamPlan);
    restoreDecodeState(streamPlan, stream, from, context);
  } else if (kind === 'known') {
    if (takesLastKnown) restoreKnown(stream.lastKnown, from, (known) => reconnect(known, context.connections));
  } else if (takesNumberings) restoreNumbering(stream.numberings, from);
}

function restoreKeyOf({ keyings }: StreamPlan, stream: StreamState, from: KeySnapshot, context: RestoreContext): void {
  const keying = keyings.find(({ per }) => per.join() === from.per.join());
  if (keying === undefined) return;
  stream.watermarkCounts[keying.index]! += from.marks.length;
  restoreKey(lookUpKey(stream, keying.index, from.parts), keying, from, context);
}

/** Restores what decode knows about a device. */
function restoreDecodeState(
  { config }: StreamPlan,
  stream: StreamState,
  { name, newestAt, presence: { seenAt }, skewed }: DeviceSnapshot,
  { lacksNewest }: RestoreContext,
): void {
  if (config.time !== undefined) {
    if (newestAt !== undefined) stream.newestSent.set(name, newestAt);
    else if (lacksNewest && seenAt >= 0) stream.newestSent.set(name, seenAt);
  }
  stream.admitted.add(name);
  if (skewed) stream.skewed.add(name);
}

/** Sets the timers of a stream, once all its keys are restored. */
export function restoreTimers(
  { silenceRules, keyings }: StreamPlan,
  { keys, silenceTimers, windowTimers }: StreamState,
  { kept }: RestoreContext,
): void {
  for (const key of keys.flatMap((byText) => [...byText.values()])) {
    const { keying, lastSeen, windowing } = key;
    const rules = silenceRules[keying]!;
    if (rules.length > 0 && lastSeen.seenAt >= 0) {
      // A new rule has not said when it is due, so the next tick looks at the key. The kept rules have.
      if (!rules.every((rule) => kept.has(rule.name))) lastSeen.wakeMs = 0;
      if (Number.isFinite(lastSeen.wakeMs)) silenceTimers.schedule(key, lastSeen.wakeMs);
    }
    // The next tick looks at the key and sets the right timer.
    if (keyings[keying]!.byDevice && windowing.watermarks.size > 0) {
      windowing.wakeMs = 0;
      windowTimers.schedule(key, 0);
    }
  }
}
