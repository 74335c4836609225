import type { AlertRecord } from '../alerts/alert-record.ts';
import { type AlertClock, createAlertClock } from '../alerts/clock.ts';
import type { LimitState } from '../alerts/noise.ts';
import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { Numbering } from '../decode/numbering.ts';
import { createDeliveries, type Deliveries } from '../decode/redelivery.ts';
import type { NewestStamps, RetainedSeen } from '../decode/retained.ts';
import { createSessionTrace, type SessionTrace } from '../decode/session-gap.ts';
import type { KeyClock } from '../devices/key-clock.ts';
import { createLiveClock, type LiveClock } from '../devices/liveness.ts';
import { createTimingWheel, type TimingWheel } from '../devices/timing-wheel.ts';
import type { DeviceAttributes } from '../model/attributes.ts';
import type { FieldValue } from '../model/field.ts';
import type { Key } from '../model/item/window-result.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import { createLastKnown, type LastKnown } from '../windows/last-known.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { WindowState } from '../windows/window-kind.ts';

/**
 * Everything the fold remembers between records.
 *
 * Steps run one after another over whole arrays of items, so a step is ahead of the steps behind it. Outcomes must not depend on how
 * records were cut into arrays; therefore each part of the state belongs to one step, and no other step reads it. The exception
 * is the directory (which keys a device's readings belong to), which follows from the reading alone.
 */
export interface State {
  /** By broker index. All four belong to decode. */
  readonly clocks: LiveClock[];
  readonly deliveries: Deliveries[];
  readonly sessions: SessionTrace[];
  readonly brought: RetainedSeen[];
  /** By level: the sum of the steps forward of the host's clock, milliseconds. Each belongs to the step that follows the clocks of its level. */
  readonly steppedMs: number[];
  /** By stream index. */
  readonly streams: StreamState[];
  readonly alerting: Alerting;
  readonly attributes: Attributes;
}

/** Attributes by device, as each step that needs them knows them; entries are shared. */
export interface Attributes {
  /** Belongs to decode. */
  readonly ofReadings: Map<string, DeviceAttributes>;
  /** By level: belongs to its evaluate, for windows that close. Undefined where no rule looks at them there. */
  readonly ofClosed: readonly (Map<string, DeviceAttributes> | undefined)[];
}

/** What alerts have in common. Belongs to transition. */
export interface Alerting {
  clock: AlertClock;
  /** By the plan's rules. */
  readonly rules: readonly RuleAlerting[];
  /** Alerts that nobody's outcomes end any more; until they are told as over, with the first record after a start. */
  orphans: readonly RemovedRuleAlert[];
}

export interface RuleAlerting extends LimitState {
  /** Of a timed rule: the keys whose alerts are looked at with every tick. Not part of a snapshot, since it follows from the alerts. */
  readonly open: Set<KeyState>;
}

export interface StreamState {
  /** Names of the devices that may be remembered. Belongs to decode. Not part of a snapshot, since they are those of `devices` behind a cut. */
  readonly admitted: Set<string>;
  /** Devices whose stamps are set back to the receive time, until their clock is clearly right. Belongs to decode. */
  readonly skewed: Set<string>;
  /** By device, where the stream declares a sequence. Belongs to decode. */
  readonly numberings: Map<string, Numbering>;
  /** Where the stream declares a time. Belongs to decode. */
  readonly newest: NewestStamps;
  readonly devices: Map<string, DeviceState>;
  /** Keys by text, one map per keying of the stream. */
  readonly keys: Map<string, KeyState>[];
  /** By keying: marks of all its keys. Belongs to window; not part of a snapshot, since it follows from them. */
  readonly marks: number[];
  /** Keys to look at again at a live time. Not part of a snapshot: rebuilt on restore. */
  readonly silenceTimers: TimingWheel<KeyState>;
  readonly windowTimers: TimingWheel<KeyState>;
  /** Of a correlation: what is known of its other stream, by key. Belongs to relate. */
  readonly lastKnown: LastKnown;
}

export interface DeviceState {
  readonly name: string;
  /** Directory: the labels of its last reading and the keys that follow from them, by keying. */
  labels: readonly string[];
  /** Undefined where there is no room for the key; the first is the device's own, and always there. */
  keys: DeviceKeys;
  readonly presence: Presence;
  /**
   * Event time of the newest reading that has the field, by field; -1 for none. Behind them that of the newest reading of all. Empty where no
   * rule looks at single readings. Belongs to evaluate.
   */
  readonly newest: number[];
}

/** The keys of a device, by keying. */
export type DeviceKeys = readonly [KeyState, ...(KeyState | undefined)[]];

/** Whether a device is there. Belongs to watch. */
export interface Presence {
  online: boolean;
  /** A change of it was told, so that what is already known is not told again. */
  known: boolean;
  /** Receive time of its last reading; -1 before the first. */
  seenAt: number;
  /** What its last status said, retained or not; undefined before the first. */
  status?: boolean;
}

/** What is remembered of one key. `alerts`, `windows`, `running` and `remembered` are by the rules' slots. */
export interface KeyState {
  readonly key: Key;
  /** Index of the keying it belongs to. */
  readonly keying: number;
  /** Undefined before its first reading. Belongs to the step that follows clocks. */
  clock: KeyClock | undefined;
  readonly hearing: Hearing;
  readonly windowing: Windowing;
  /** Belongs to those who judge (watch, evaluate) and to transition, which agree on `AlertRecord.watched`. */
  readonly alerts: (AlertRecord | undefined)[];
  /**
   * Where the stream's reading rules have an index: positions among them, in no order, of all whose alert is watched, and of some whose
   * alert no longer is. Undefined: not looked at yet. Belongs to evaluate; not part of a snapshot.
   */
  open: number[] | undefined;
  /** Where rules look at single readings: the latest event time of its readings; -1 before the first. Belongs to evaluate. */
  furthestAt: number;
  /** By the rules' slots. Belongs to evaluate. */
  readonly running: (Running | undefined)[];
  /** By the rules' slots: the last values of facts that are asked for a change, null before the first. Belongs to evaluate. */
  readonly remembered: (readonly (FieldValue | null)[] | undefined)[];
}

/** How far a rule's running facts have come with a key. Plain data. */
export interface Running {
  /** Event time of its newest reading. */
  at: number;
  /** States of the detectors, by their order in the plan. */
  readonly detectors: unknown[];
}

/** When a key was last heard of, whichever device spoke. Belongs to watch. */
export interface Hearing {
  seenAt: number;
  seenLiveMs: number;
  connection: number;
  /** Live time for which a silence timer is set; Infinity for none. */
  wakeMs: number;
}

/** A key's windows, and how far the clocks of its devices have come. Belongs to window. */
export interface Windowing {
  readonly windows: (WindowState | undefined)[];
  /** As `KeyState.open`, of the window rules that have a window here. */
  open: number[] | undefined;
  /** By device; a key that is a device has one. */
  readonly marks: Map<string, Watermark>;
  /** Live time for which a window timer is set; Infinity for none. Not part of a snapshot. */
  wakeMs: number;
}

export function createState(plan: Plan, connections: number): State {
  return {
    clocks: Array.from({ length: connections }, createLiveClock),
    deliveries: Array.from({ length: connections }, createDeliveries),
    sessions: Array.from({ length: connections }, createSessionTrace),
    brought: Array.from({ length: connections }, () => new Set()),
    steppedMs: Array.from({ length: plan.levels }, () => 0),
    streams: plan.streams.map((stream) => ({
      admitted: new Set(),
      skewed: new Set(),
      numberings: new Map(),
      newest: new Map(),
      devices: new Map(),
      keys: stream.keyings.map(() => new Map()),
      marks: stream.keyings.map(() => 0),
      silenceTimers: createTimingWheel(),
      windowTimers: createTimingWheel(),
      lastKnown: createLastKnown(),
    })),
    alerting: {
      clock: createAlertClock(),
      rules: plan.rules.map(() => ({ open: new Set(), limit: undefined })),
      orphans: [],
    },
    attributes: {
      ofReadings: new Map(),
      ofClosed: Array.from({ length: plan.levels }, (_, level) => (looksAtClosed(plan, level) ? new Map() : undefined)),
    },
  };
}

/** Whether a device may be remembered: it is already, or there is room for it. */
export function admitDevice({ config }: StreamPlan, { admitted }: StreamState, name: string): boolean {
  if (admitted.has(name)) return true;
  if (admitted.size >= config.limits.devices) return false;
  admitted.add(name);
  return true;
}

/**
 * Finds the device, or makes it known, with the keys that these labels (by stream label index) give it. Undefined where there is no room.
 * Nothing is ever forgotten, so whichever step asks later gets the same answer.
 */
export function lookUpDevice(
  plan: StreamPlan,
  stream: StreamState,
  name: string,
  labels: readonly string[],
): DeviceState | undefined {
  const device = stream.devices.get(name);
  if (device === undefined) {
    return stream.devices.size < plan.config.limits.devices ? addDevice(plan, stream, name, labels) : undefined;
  }
  if (device.labels !== labels) {
    if (!sameLabels(device.labels, labels)) device.keys = keysOf(plan, stream, name, labels);
    device.labels = labels;
  }
  return device;
}

/** Makes a device known, whether or not there is room for it. */
export function addDevice(plan: StreamPlan, stream: StreamState, name: string, labels: readonly string[]): DeviceState {
  const keys = keysOf(plan, stream, name, labels);
  const device: DeviceState = { name, labels, keys, presence: { online: false, known: false, seenAt: -1 }, newest: [] };
  stream.devices.set(name, device);
  return device;
}

function sameLabels(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function keysOf(
  { keyings, config }: StreamPlan,
  stream: StreamState,
  device: string,
  labels: readonly string[],
): DeviceKeys {
  const [own, ...others] = keyings;
  const partsOf = ({ parts }: Keying) => parts.map((part) => (part < 0 ? device : (labels[part] ?? '')));
  return [
    lookUpKey(stream, own!.index, partsOf(own!)),
    ...others.map((keying) => {
      const parts = partsOf(keying);
      const known = stream.keys[keying.index]!;
      const isFull = known.size >= config.limits.keys;
      return isFull ? known.get(keyText(parts)) : lookUpKey(stream, keying.index, parts);
    }),
  ];
}

/** Says of each limit of the streams of devices that is reached what is full. */
export function fullLimits({ streams }: Plan, state: State): string[] {
  return streams.flatMap(({ index, name, config, origin, keyings }) => {
    if (origin.kind !== 'devices') return [];
    const { admitted, keys } = state.streams[index]!;
    const { limits } = config;
    const groups = keyings.slice(1).filter(({ index }) => keys[index]!.size >= limits.keys);
    return [
      ...(admitted.size >= limits.devices ? [`${admitted.size} devices of ${name} (limits.devices)`] : []),
      ...groups.map(({ per, index }) => `${keys[index]!.size} keys of ${name} by ${per.join(', ')} (limits.keys)`),
    ];
  });
}

/** Finds the key with these parts, or makes it known. */
export function lookUpKey(stream: StreamState, keying: number, parts: readonly string[]): KeyState {
  const keys = stream.keys[keying]!;
  const text = keyText(parts);
  let key = keys.get(text);
  if (key === undefined) {
    key = {
      key: { text, parts },
      keying,
      clock: undefined,
      hearing: { seenAt: -1, seenLiveMs: 0, connection: 0, wakeMs: Number.POSITIVE_INFINITY },
      windowing: { windows: [], open: undefined, marks: new Map(), wakeMs: Number.POSITIVE_INFINITY },
      alerts: [],
      open: undefined,
      furthestAt: -1,
      running: [],
      remembered: [],
    };
    keys.set(text, key);
  }
  return key;
}

/** One part stands as it is; several are joined by `|`, which (like `\`) is escaped inside a part, so that no two keys are alike. */
export function keyText(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : parts.map((part) => part.replace(/[\\|]/g, '\\$&')).join('|');
}

/** Whether some rule over streams of a level judges closed windows by the attributes of their device. */
function looksAtClosed({ rules, streams }: Plan, level: number): boolean {
  return rules.some(
    (rule) => rule.kind === 'window' && rule.attributesOf !== undefined && streams[rule.stream]!.level === level,
  );
}
