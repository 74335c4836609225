// Longer than most: the state of a stream, its timers and its pieces are defined side by side, so that none is forgotten.
import type { NumberingEntry } from '../decode/numbering.ts';
import { createTimingWheel, type TimerAccess, type TimingWheel } from '../devices/timing-wheel.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import {
  createLastKnown,
  type Known,
  knownEntry,
  type LastKnown,
  type LastKnownEntry,
  type LastKnownHead,
  restoreKnown,
} from '../windows/last-known.ts';
import type { Watermark } from '../windows/watermark.ts';
import { type Changes, createChanges, type Sections } from './changes.ts';
import {
  type DeviceMark,
  type DeviceSnapshot,
  type DeviceState,
  deviceSnapshot,
  type MarkEntry,
  restoreDevice,
  restoreNumbers,
} from './device.ts';
import { addDevice, type Directory, lookUpKey } from './directory.ts';
import { type KeySnapshot, type KeyState, keySnapshot, restoreKey } from './key.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';

/** What the fold remembers about one stream. */
export interface StreamState extends Directory {
  /** By keying: how many watermarks all its keys have. Belongs to window; not part of a snapshot, since it follows from the devices. */
  readonly watermarkCounts: number[];
  /** Keys to look at again at a live time. Belongs to presence. Not part of a snapshot: rebuilt on restore. */
  readonly silenceTimers: TimingWheel<KeyState>;
  /** As `silenceTimers`. Belongs to window. */
  readonly windowTimers: TimingWheel<KeyState>;
  /** Groups that the next tick looks at, and groups to look at again at a receive time. Belong to window. Not part of a snapshot. */
  readonly activeGroups: KeyState[];
  readonly groupTimers: TimingWheel<KeyState>;
  /** Belongs to window. */
  readonly lastTick: LastTick;
  /** If the stream is a correlation: the last known values of its other stream, by key. Belongs to derived streams. */
  readonly lastKnown: LastKnown;
  readonly changedKnown: Changes<Known>;
}

/** The last tick, for what is decided between two ticks as of the last one. */
export interface LastTick {
  /** Counts the ticks from 1; 0 before the first. */
  number: number;
  /** Receive time. */
  at: number;
  /** By connection: live time. */
  liveMs: readonly number[];
}

/** A piece about one part of a stream. `stream` is the position of its head among the heads of the streams in the snapshot. */
export type StreamPart =
  | readonly ['key', KeySnapshot, stream: number]
  | readonly ['device', DeviceSnapshot, stream: number]
  | readonly ['known', LastKnownEntry, stream: number]
  /** Older versions wrote it; now it is part of the device. */
  | readonly ['numbering', NumberingEntry, stream: number];

/** What the pieces of a stream mean. */
export interface StreamHead {
  readonly name: string;
  readonly labels: readonly string[];
  /** Names of the fields, in the order of `DeviceSnapshot.newest`. Absent in what older versions wrote. */
  readonly fields?: readonly string[];
  /** If the stream is a correlation by last known values: what they mean. */
  readonly lastKnown?: LastKnownHead;
  /** The sequence that the stream declares, if it does. */
  readonly sequence?: SequenceConfig;
  /** Older versions did not write it. */
  readonly lastTick?: LastTick;
  /** The numbers that the next key and the next device get. Older versions did not write it. */
  readonly next?: readonly [key: number, device: number];
}

/** Makes the state of a stream before its first reading. */
export function createStream(plan: Plan, streamPlan: StreamPlan, sections: Sections): StreamState {
  const { index, keyings } = streamPlan;
  const devices = new Map<string, DeviceState>();
  const keys = keyings.map(() => new Map<string, KeyState>());
  const lastKnown = createLastKnown();
  const lastTick: LastTick = { number: 0, at: 0, liveMs: [] };
  const rules = keyings.map((keying) => plan.rules.filter((rule) => rule.keying === keying));
  const keyPiece = (key: KeyState): StreamPart => {
    return ['key', keySnapshot(keyings[key.keying]!, rules[key.keying]!, key), index];
  };
  return {
    devices,
    keys,
    changedKeys: createChanges(sections, () => concat(keys), keyPiece),
    changedDevices: createChanges(
      sections,
      () => devices.values(),
      (device): StreamPart => ['device', deviceSnapshot(streamPlan, device), index],
    ),
    watermarkCounts: keyings.map(() => 0),
    idleTimers: createTimingWheel(idleTimer(streamPlan.forgetMs)),
    silenceTimers: createTimingWheel(SILENCE_TIMER),
    windowTimers: createTimingWheel(WINDOW_TIMER),
    activeGroups: [],
    groupTimers: createTimingWheel(GROUP_TIMER),
    lastTick,
    lastKnown,
    changedKnown: createChanges(
      sections,
      () => lastKnown.byKey.values(),
      (known): StreamPart => ['known', knownEntry(known), index],
    ),
  };
}

const numberOf = ({ number }: KeyState): number => number;
/** A key that is used again needs no other timer: it is asked when the first one expires. */
function idleTimer(forgetMs: number): TimerAccess<KeyState> {
  return {
    wakeOf: ({ usedLiveMs }) => usedLiveMs + forgetMs,
    numberOf,
    slotOf: ({ idleSlot }) => idleSlot,
    setSlot: (key, slot) => {
      key.idleSlot = slot;
    },
  };
}

const SILENCE_TIMER: TimerAccess<KeyState> = {
  wakeOf: ({ lastSeen }) => lastSeen.wakeMs,
  numberOf,
  slotOf: ({ lastSeen }) => lastSeen.slot,
  setSlot: ({ lastSeen }, slot) => {
    lastSeen.slot = slot;
  },
};
const WINDOW_TIMER: TimerAccess<KeyState> = {
  wakeOf: ({ windowing }) => windowing.wakeMs,
  numberOf,
  slotOf: ({ windowing }) => windowing.slot,
  setSlot: ({ windowing }, slot) => {
    windowing.slot = slot;
  },
};
const GROUP_TIMER: TimerAccess<KeyState> = {
  wakeOf: ({ windowing }) => windowing.group!.wakeAt,
  numberOf,
  slotOf: ({ windowing }) => windowing.group!.slot,
  setSlot: ({ windowing }, slot) => {
    windowing.group!.slot = slot;
  },
};

function* concat<T>(maps: readonly Map<string, T>[]): Generator<T> {
  for (const map of maps) yield* map.values();
}

/** The head of a stream, as a snapshot has it. */
export function streamHead(
  plan: Plan,
  streamPlan: StreamPlan,
  { lastKnown: { sweptAt }, lastTick, changedKeys, changedDevices }: StreamState,
): StreamHead {
  const { labels, fields, sequence } = streamPlan.config;
  const meaning = meaningOfLastKnown(plan, streamPlan);
  return {
    name: streamPlan.name,
    labels: labels.map(({ name }) => name),
    fields: fields.map(({ name }) => name),
    ...(meaning !== undefined && { lastKnown: { ...meaning, sweptAt } }),
    ...(sequence !== undefined && { sequence }),
    lastTick: { ...lastTick },
    next: [changedKeys.next, changedDevices.next],
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
  readonly next: StreamHead['next'];
}

/**
 * Finds the stream that the pieces after this head belong to. Undefined if the plan has no such stream, or one with another meaning. Adds what
 * is left out to `dropped`.
 */
export function beginStream(
  { plan, kept, dropped, connections }: RestoreContext,
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
  if (from.lastTick !== undefined && from.lastTick.number > 0) restoreTick(stream.lastTick, from.lastTick, connections);
  const takesLastKnown = lastKnown !== undefined && meansSame(meaningOfLastKnown(plan, streamPlan), lastKnown);
  if (takesLastKnown) stream.lastKnown.sweptAt = lastKnown.sweptAt;
  else if (lastKnown !== undefined) dropped.push(`last known values of ${name}`);
  const own = streamPlan.config.sequence;
  const takesNumberings = sequence !== undefined && sequence.path === own?.path && sequence.modulus === own.modulus;
  if (sequence !== undefined && !takesNumberings) dropped.push(`sequence numbers of ${name}`);
  return { streamPlan, stream, takesLastKnown, takesNumberings, fields: from.fields ?? [], next: from.next };
}

function restoreTick(tick: LastTick, from: LastTick, connections: RestoreContext['connections']): void {
  const liveMs: number[] = [];
  connections.forEach(({ index, seenLiveMs }, i) => {
    liveMs[index] = seenLiveMs ?? from.liveMs[i] ?? 0;
  });
  Object.assign(tick, { ...from, liveMs });
}

function meansSame(meaning: Omit<LastKnownHead, 'sweptAt'> | undefined, { fields, version }: LastKnownHead): boolean {
  return JSON.stringify(meaning) === JSON.stringify({ fields, version });
}

/** Restores one piece of a stream, in any order. Call `endStream` and `restoreTimers` after the last one. */
export function restoreStreamPart(restoration: StreamRestoration, piece: StreamPart, context: RestoreContext): void {
  const { streamPlan, stream, takesLastKnown, takesNumberings, fields } = restoration;
  if (piece[0] === 'key') restoreKeyOf(streamPlan, stream, piece[1], context);
  else if (piece[0] === 'device') {
    const from = piece[1];
    const device = addDevice(streamPlan, stream, from.name, from.labels);
    restoreDevice(device, from, fields, streamPlan);
    restoreDecodeState(streamPlan, device, from, context);
    if (from.numbering !== undefined && takesNumberings) restoreNumbers(device, from.numbering);
    for (const mark of from.marks ?? []) restoreMark(streamPlan, stream, device, mark, context);
  } else if (piece[0] === 'known') {
    if (!takesLastKnown) return;
    restoreKnown(stream.lastKnown, piece[1], (seen) => reconnect(seen, context.connections), stream.changedKnown);
  } else if (takesNumberings) restoreNumbers(stream.devices.get(piece[1][0])!, piece[1]);
}

function restoreKeyOf(streamPlan: StreamPlan, stream: StreamState, from: KeySnapshot, context: RestoreContext): void {
  const keying = keyingBy(streamPlan, from.per);
  if (keying === undefined) return;
  restoreKey(lookUpKey(stream, keying, from.parts), keying, from, context);
}

function restoreMark(
  streamPlan: StreamPlan,
  stream: StreamState,
  device: DeviceState,
  [per, parts, eventAt, seenLiveMs, connection, movedAfter, atTick]: MarkEntry,
  { connections }: RestoreContext,
): void {
  const keying = keyingBy(streamPlan, per);
  if (keying === undefined) return;
  const key = lookUpKey(stream, keying, parts);
  const mark = addMark(stream, device, key, reconnect({ eventAt, seenLiveMs, connection }, connections));
  if (movedAfter === undefined) return;
  mark.movedAfter = movedAfter;
  mark.atTick = atTick ?? Number.NaN;
}

function keyingBy({ keyings }: StreamPlan, per: readonly string[]): Keying | undefined {
  return keyings.find((keying) => keying.per.join() === per.join());
}

/** Gives a device a watermark in a key. */
export function addMark(
  { watermarkCounts }: Pick<StreamState, 'watermarkCounts'>,
  device: DeviceState,
  key: KeyState,
  { eventAt, seenLiveMs, connection }: Watermark,
): DeviceMark {
  const mark: DeviceMark = { device, key, eventAt, seenLiveMs, connection, movedAfter: -1, atTick: Number.NaN };
  device.marks.push(mark);
  key.windowing.watermarks.push(mark);
  watermarkCounts[key.keying]! += 1;
  return mark;
}

/** Restores what decode knows about a device. */
function restoreDecodeState(
  { config }: StreamPlan,
  device: DeviceState,
  { newestAt, presence, skewed }: DeviceSnapshot,
  { lacksNewest }: RestoreContext,
): void {
  if (config.time !== undefined) {
    if (newestAt !== undefined) device.newestSent = newestAt;
    else if (lacksNewest && presence !== undefined && presence.seenAt >= 0) device.newestSent = presence.seenAt;
  }
  if (skewed) device.skewed = true;
}

/** Call it once all pieces of a stream are restored. */
export function endStream({ stream, next }: StreamRestoration): void {
  if (next !== undefined) [stream.changedKeys.next, stream.changedDevices.next] = next;
}

/** Sets the timers of a stream, once all its keys are restored. */
export function restoreTimers(
  { silenceRules }: StreamPlan,
  { keys, idleTimers, silenceTimers, windowTimers, activeGroups }: StreamState,
  { kept }: RestoreContext,
): void {
  for (const key of keys.flatMap((byText) => [...byText.values()])) {
    const { keying, lastSeen, windowing } = key;
    idleTimers.schedule(key);
    const rules = silenceRules[keying]!;
    if (rules.length > 0 && lastSeen.seenAt >= 0) {
      // A new rule has not said when it is due, so the next tick looks at the key. The kept rules have.
      if (!rules.every((rule) => kept.has(rule.name))) lastSeen.wakeMs = 0;
      silenceTimers.schedule(key);
    }
    // The next tick looks at the key and sets the right timer.
    if (windowing.watermarks.length === 0) continue;
    if (windowing.group === undefined) {
      windowing.wakeMs = 0;
      windowTimers.schedule(key);
    } else {
      windowing.group.isActive = true;
      activeGroups.push(key);
    }
  }
}
