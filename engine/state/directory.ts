import { NOT_IN_WHEEL, type TimingWheel } from '../devices/timing-wheel.ts';
import type { Tick } from '../model/item/item.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import { type Changes, isRemoved } from './changes.ts';
import { createDevice, type DeviceKeys, type DeviceState, moveDevice, type Place } from './device.ts';
import { createKey, type KeyState, keyText } from './key.ts';

/**
 * Which devices and keys of a stream are known, and which keys a device belongs to. It belongs to the step where the readings of the stream
 * enter the chain: decode, or the step that derives them. Later steps find device and keys by the place of an item.
 */
export interface Directory {
  readonly devices: Map<string, DeviceState>;
  /** By keying: the keys by their text. */
  readonly keys: Map<string, KeyState>[];
  readonly changedDevices: Changes<DeviceState>;
  readonly changedKeys: Changes<KeyState>;
  /** Expires when a key has been idle for long. Not part of a snapshot: rebuilt on restore. */
  readonly idleTimers: TimingWheel<KeyState>;
}

/** The live time at which an item has used a device and its keys, and the connection of that live time. */
interface Use {
  readonly liveMs: number;
  readonly connection: number;
}

/** A key that was idle for too long, and has left the directory. Steps let go of what they know about it, and end its alerts. */
export interface Forgotten {
  readonly stream: number;
  readonly key: KeyState;
  /** The device, if the key is one. */
  readonly device: DeviceState | undefined;
}

/** An item with a place: a reading, or a status. */
interface Placed {
  readonly place?: object | undefined;
}

/** Where the state of an item's device and keys is. Undefined: there is no room for the device. */
export function placeOf({ place }: Placed): Place | undefined {
  return place as Place | undefined;
}

/** Finds a device, or adds it with these labels. Undefined if there is no room for it. Call `placeDevice` before later steps use its keys. */
export function lookUpDevice(
  plan: StreamPlan,
  directory: Directory,
  name: string,
  labels: readonly string[],
): DeviceState | undefined {
  const { devices } = directory;
  const device = devices.get(name);
  if (device !== undefined) return device;
  return devices.size < plan.config.limits.devices ? addDevice(plan, directory, name, labels) : undefined;
}

/**
 * Sets the labels (by stream label index) of a known device, and returns its place: the keys that these labels give it. All later steps may
 * change the device and these keys, so checkpoints are informed here.
 */
export function placeDevice(
  plan: StreamPlan,
  directory: Directory,
  device: DeviceState,
  labels: readonly string[],
  use: Use,
): Place {
  const { changedDevices, changedKeys } = directory;
  changedDevices.touch(device);
  const { place } = device;
  if ((place.labels !== labels && !sameLabels(place.labels, labels)) || place.keys.some(isForgotten)) {
    moveDevice(device, labels, keysOf(plan, directory, device.name, labels));
  }
  const { keys } = device.place;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === undefined) continue;
    changedKeys.touch(key);
    key.usedLiveMs = use.liveMs;
    key.usedOn = use.connection;
    if (key.idleSlot === NOT_IN_WHEEL) directory.idleTimers.schedule(key);
  }
  return device.place;
}

/** A group may be forgotten before its device is, if they were last used on different connections. */
function isForgotten(key: KeyState | undefined): boolean {
  return key !== undefined && isRemoved(key);
}

/** Sets the place of a reading that enters the chain at a derived stream. Undefined: there is no room for its device. */
export function placeReading(plan: StreamPlan, directory: Directory, reading: Reading): Place | undefined {
  const { device: name, labels } = reading;
  const device = lookUpDevice(plan, directory, name, labels);
  const place = device && placeDevice(plan, directory, device, labels, reading);
  reading.place = place;
  return place;
}

/** Adds a device, even above the limit. */
export function addDevice(
  plan: StreamPlan,
  directory: Directory,
  name: string,
  labels: readonly string[],
): DeviceState {
  const { changedDevices, devices } = directory;
  const keys = keysOf(plan, directory, name, labels);
  const device = createDevice(name, labels, keys, changedDevices.next++);
  devices.set(name, device);
  changedDevices.add(device);
  return device;
}

function sameLabels(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function keysOf(
  { keyings, config }: StreamPlan,
  directory: Directory,
  device: string,
  labels: readonly string[],
): DeviceKeys {
  const [own, ...others] = keyings;
  const partsOf = ({ parts }: Keying) => parts.map((part) => (part < 0 ? device : (labels[part] ?? '')));
  return [
    lookUpKey(directory, own!, partsOf(own!)),
    ...others.map((keying) => {
      const parts = partsOf(keying);
      const known = directory.keys[keying.index]!;
      const isFull = known.size >= config.limits.keys;
      return isFull ? known.get(keyText(parts)) : lookUpKey(directory, keying, parts);
    }),
  ];
}

/** Finds the key with these parts, or adds it, even above the limit. */
export function lookUpKey({ keys, changedKeys }: Directory, keying: Keying, parts: readonly string[]): KeyState {
  const text = keyText(parts);
  const known = keys[keying.index]!.get(text);
  if (known !== undefined) return known;
  const key = createKey({ text, parts }, keying, changedKeys.next++);
  keys[keying.index]!.set(text, key);
  changedKeys.add(key);
  return key;
}

/**
 * Removes the devices and keys that have been idle for `StreamPlan.forgetMs`, at most `most` of them, and adds them to the tick's `forgotten`. Idle
 * time is live time. Returns whether some are left for the next tick.
 */
export function forgetIdle({ index, forgetMs }: StreamPlan, directory: Directory, tick: Tick, most: number): boolean {
  const { idleTimers, keys, changedKeys, devices, changedDevices } = directory;
  idleTimers.advance(Math.max(...tick.liveMs));
  const waiting: KeyState[] = [];
  let left = most;
  for (let key = idleTimers.next(); key !== undefined; key = left > 0 ? idleTimers.next() : undefined) {
    if (key.usedLiveMs + forgetMs > tick.liveMs[key.usedOn]!) {
      waiting.push(key);
      continue;
    }
    left -= 1;
    keys[key.keying]!.delete(key.text);
    changedKeys.remove(key);
    const device = key.presence === undefined ? undefined : devices.get(key.text);
    if (device !== undefined) {
      devices.delete(device.name);
      changedDevices.remove(device);
    }
    tick.forgotten.push({ stream: index, key, device });
  }
  for (const key of waiting) idleTimers.schedule(key);
  return left === 0;
}

/** What a tick has removed from the directories. */
export function forgottenBy({ forgotten }: Tick): readonly Forgotten[] {
  return forgotten as readonly Forgotten[];
}

/** Describes each limit on devices and keys that is reached, for the log; for streams that devices send. */
export function fullLimits({ streams }: Plan, state: { readonly streams: readonly Directory[] }): string[] {
  return streams.flatMap(({ index, name, config, origin, keyings }) => {
    if (origin.kind !== 'devices') return [];
    const { devices, keys } = state.streams[index]!;
    const { limits } = config;
    const groups = keyings.slice(1).filter(({ index }) => keys[index]!.size >= limits.keys);
    return [
      ...(devices.size >= limits.devices ? [`${devices.size} devices of ${name} (limits.devices)`] : []),
      ...groups.map(({ per, index }) => `${keys[index]!.size} keys of ${name} by ${per.join(', ')} (limits.keys)`),
    ];
  });
}
