// Longer than most: the state of a stream, its timers and its pieces are defined side by side, so that none is forgotten.
import type { NumberingEntry } from '../decode/numbering.ts';
import { createTimingWheel, type TimerAccess, type TimingWheel } from '../devices/timing-wheel.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import {
  createLastKnown,
  type Known,
  knownEntry,
  type LastKnown,
  type LastKnownEntry,
  type LastKnownHead,
  restoreKnown,
} from '../windows/last-known.ts';
import { type Changes, createChanges, type Sections } from './changes.ts';
import { addMark, DeviceState, hasWatermark } from './device.ts';
import {
  type DeviceSnapshot,
  labelsOf,
  type MarkEntry,
  restoreDevice,
  restoreNumbers,
  writeDevice,
} from './device-snapshot.ts';
import { addDevice, createDirectory, type Directory, lookUpKey } from './directory.ts';
import { GroupState } from './group.ts';
import type { KeyState } from './key.ts';
import { type KeySnapshot, restoreKey, writeKey } from './key-snapshot.ts';
import { PIECE } from './piece-format.ts';
import type { PieceWriter } from './piece-writer.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';

/** What the fold remembers about one stream. */
export interface StreamState extends Directory {
  /** By keying: how many watermarks all its groups have. Belongs to window; not part of a snapshot, since it follows from the devices. */
  readonly watermarkCounts: number[];
  /** Keys to look at again at a live time. Belongs to presence. Not part of a snapshot: rebuilt on restore. */
  readonly silenceTimers: TimingWheel<KeyState>;
  /** As `silenceTimers`. Belongs to window. */
  readonly windowTimers: TimingWheel<DeviceState>;
  /** Groups that the next tick looks at, and groups to look at again at a receive time, or at a live time. Belong to window. Not part of a snapshot. */
  readonly activeGroups: GroupState[];
  readonly groupTimers: TimingWheel<GroupState>;
  readonly quietGroupTimers: TimingWheel<GroupState>;
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
  /** By keying: its `per`. Older versions did not write it. */
  readonly keyings?: readonly (readonly string[])[];
  /** Names of the fields, in the order of `DeviceSnapshot.newest`. Absent in what older versions wrote. */
  readonly fields?: readonly string[];
  /** If the stream is a correlation by last known values: what they mean. */
  readonly lastKnown?: LastKnownHead;
  /** The sequence that the stream declares, if it does. */
  readonly sequence?: SequenceConfig;
  /** Older versions did not write it. */
  readonly lastTick?: LastTick;
  /** The number that the next key gets. Older versions did not write it. */
  readonly next?: number;
}

/** Makes the state of a stream before its first reading. */
export function createStream(plan: Plan, streamPlan: StreamPlan, sections: Sections, writer: PieceWriter): StreamState {
  const { index, keyings, forgetMs } = streamPlan;
  const directory = createDirectory(streamPlan);
  const lastKnown = createLastKnown();
  const lastTick: LastTick = { number: 0, at: 0, liveMs: [] };
  const rules = keyings.map((keying) => plan.rules.filter((rule) => rule.keying === keying));
  return {
    ...directory,
    changedKeys: createChanges(
      sections,
      // Groups first: devices refer to them.
      () => concat([...directory.keys].reverse()),
      (key) => keyPiece(writer, index, rules[key.keying]!, key),
    ),
    watermarkCounts: keyings.map(() => 0),
    idleTimers: createTimingWheel(idleTimer(forgetMs)),
    silenceTimers: createTimingWheel(SILENCE_TIMER),
    windowTimers: createTimingWheel(WINDOW_TIMER),
    activeGroups: [],
    groupTimers: createTimingWheel(GROUP_TIMER),
    quietGroupTimers: createTimingWheel(QUIET_GROUP_TIMER),
    lastTick,
    lastKnown,
    changedKnown: createChanges(
      sections,
      () => lastKnown.byKey.values(),
      (known) => {
        beginPiece(writer, PIECE.known, index);
        writer.value(knownEntry(known));
        return writer.end();
      },
    ),
  };
}

/** Writes a key with all that it is: a device, or a group. */
function keyPiece(writer: PieceWriter, stream: number, rules: readonly RulePlan[], key: KeyState): Uint8Array {
  const isDevice = key instanceof DeviceState;
  beginPiece(writer, isDevice ? PIECE.device : PIECE.group, stream);
  if (!isDevice) writer.number(key.keying);
  writeKey(writer, rules, key);
  if (isDevice) writeDevice(writer, key);
  else writer.number((key as GroupState).connection);
  return writer.end();
}

function beginPiece(writer: PieceWriter, kind: number, stream: number): void {
  writer.begin();
  writer.number(kind);
  writer.number(stream);
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
  wakeOf: ({ silenceWakeMs }) => silenceWakeMs,
  numberOf,
  slotOf: ({ silenceSlot }) => silenceSlot,
  setSlot: (key, slot) => {
    key.silenceSlot = slot;
  },
};
const WINDOW_TIMER: TimerAccess<DeviceState> = {
  wakeOf: ({ windowWakeMs }) => windowWakeMs,
  numberOf,
  slotOf: ({ windowSlot }) => windowSlot,
  setSlot: (device, slot) => {
    device.windowSlot = slot;
  },
};
const QUIET_GROUP_TIMER: TimerAccess<GroupState> = {
  wakeOf: ({ wakeMs }) => wakeMs,
  numberOf,
  slotOf: ({ quietSlot }) => quietSlot,
  setSlot: (group, slot) => {
    group.quietSlot = slot;
  },
};
const GROUP_TIMER: TimerAccess<GroupState> = {
  wakeOf: ({ wakeAt }) => wakeAt,
  numberOf,
  slotOf: ({ slot }) => slot,
  setSlot: (group, slot) => {
    group.slot = slot;
  },
};

function* concat<T>(maps: readonly ReadonlyMap<string, T>[]): Generator<T> {
  for (const map of maps) yield* map.values();
}

/** The head of a stream, as a snapshot has it. */
export function streamHead(
  plan: Plan,
  streamPlan: StreamPlan,
  { lastKnown: { sweptAt }, lastTick, changedKeys }: StreamState,
): StreamHead {
  const { labels, fields, sequence } = streamPlan.config;
  const meaning = meaningOfLastKnown(plan, streamPlan);
  return {
    name: streamPlan.name,
    labels: labels.map(({ name }) => name),
    fields: fields.map(({ name }) => name),
    keyings: streamPlan.keyings.map(({ per }) => per),
    ...(meaning !== undefined && { lastKnown: { ...meaning, sweptAt } }),
    ...(sequence !== undefined && { sequence }),
    lastTick: { ...lastTick },
    next: changedKeys.next,
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
    const device = addDevice(streamPlan, stream, from.name, labelsOf(from));
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
  const watermark = reconnect({ eventAt, seenLiveMs, connection }, connections);
  if (keying.byDevice) {
    Object.assign(device, watermark);
    return;
  }
  const mark = addMark(device, lookUpKey(stream, keying, parts) as GroupState, watermark);
  stream.watermarkCounts[keying.index]! += 1;
  if (movedAfter === undefined) return;
  mark.movedAfter = movedAfter;
  mark.atTick = atTick ?? Number.NaN;
}

function keyingBy({ keyings }: StreamPlan, per: readonly string[]): Keying | undefined {
  return keyings.find((keying) => keying.per.join() === per.join());
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
  if (next !== undefined) stream.changedKeys.next = next;
}

/** Sets the timers of a stream, once all its keys are restored. */
export function restoreTimers(
  { silenceRules }: StreamPlan,
  { keys, idleTimers, silenceTimers, windowTimers, activeGroups }: StreamState,
  { kept }: RestoreContext,
): void {
  for (const key of keys.flatMap((byText) => [...byText.values()])) {
    idleTimers.schedule(key);
    const rules = silenceRules[key.keying]!;
    if (rules.length > 0 && key.lastSeenAt >= 0) {
      // A new rule has not said when it is due, so the next tick looks at the key. The kept rules have.
      if (!rules.every((rule) => kept.has(rule.name))) key.silenceWakeMs = 0;
      silenceTimers.schedule(key);
    }
    // The next tick looks at the key and sets the right timer.
    if (key instanceof DeviceState) {
      if (!hasWatermark(key)) continue;
      key.windowWakeMs = 0;
      windowTimers.schedule(key);
    } else if (key instanceof GroupState && key.watermarks.length > 0) {
      key.isActive = true;
      activeGroups.push(key);
    }
  }
}
