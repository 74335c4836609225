import { NOT_IN_WHEEL, type TimingWheel } from '../devices/timing-wheel.ts';
import type { Tick } from '../model/item/item.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import { type Changes, isRemoved } from './changes.ts';
import { createDeviceNumbers, DeviceState, type Groups, Place } from './device.ts';
import { GroupState } from './group.ts';
import { type KeyState, keyText } from './key.ts';
import { ownText } from './own-text.ts';
import { createPlacements, type Placements } from './placements.ts';

/**
 * Which devices and keys of a stream are known, and which keys a device belongs to. It belongs to the step where the readings of the stream
 * enter the chain: decode, or the step that derives them. Later steps find device and keys by the place of an item.
 */
export interface Directory {
  /** By name. A device without a place is none yet: it is the key of an alert that must be resolved. */
  readonly devices: Map<string, DeviceState>;
  /** By keying: the keys by their text. The first are the devices. */
  readonly keys: readonly Map<string, KeyState>[];
  /** The devices with a place. */
  deviceCount: number;
  readonly changedKeys: Changes<KeyState>;
  /** Expires when a key has been idle for long. Not part of a snapshot: rebuilt on restore. */
  readonly idleTimers: TimingWheel<KeyState>;
  /** What devices with the same labels share. Not part of a snapshot: it saves memory, and decides nothing. */
  readonly placements: Placements;
  /** What the numbers of a new device are. */
  readonly deviceNumbers: readonly number[];
}

/** Makes the directory of a stream, but for what informs others about it. */
export function createDirectory({
  keyings,
  config,
  readingRules,
}: StreamPlan): Pick<Directory, 'devices' | 'keys' | 'deviceCount' | 'placements' | 'deviceNumbers'> {
  const devices = new Map<string, DeviceState>();
  return {
    devices,
    keys: keyings.map(({ index }) => (index === 0 ? devices : new Map<string, GroupState>())),
    deviceCount: 0,
    placements: createPlacements(),
    deviceNumbers: createDeviceNumbers(readingRules.length === 0 ? 0 : config.fields.length + 1),
  };
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
}

/** An item with a place: a reading, or a status. */
interface Placed {
  readonly place?: object | undefined;
}

/** Where the state of an item's device and keys is. Undefined: there is no room for the device. */
export function placeOf({ place }: Placed): Place | undefined {
  return place as Place | undefined;
}

/** Finds a device. Undefined if none of its items had a place yet. */
export function findDevice({ devices }: Directory, name: string): DeviceState | undefined {
  const device = devices.get(name);
  return device?.place === undefined ? undefined : device;
}

/** Finds a device, or adds it with these labels. Undefined if there is no room for it. Call `placeDevice` before later steps use its keys. */
export function lookUpDevice(
  plan: StreamPlan,
  directory: Directory,
  name: string,
  labels: readonly string[],
): DeviceState | undefined {
  const device = findDevice(directory, name);
  if (device !== undefined) return device;
  return directory.deviceCount < plan.config.limits.devices ? addDevice(plan, directory, name, labels) : undefined;
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
  useKey(directory, device, use);
  const place = device.place!;
  if ((place.labels !== labels && !sameLabels(place.labels, labels)) || place.groups.some(isForgotten)) {
    moveDevice(plan, directory, device, labels);
  }
  const { groups } = device.place!;
  for (let i = 1; i < groups.length; i++) if (groups[i] !== undefined) useKey(directory, groups[i]!, use);
  return device.place!;
}

function useKey({ changedKeys, idleTimers }: Directory, key: KeyState, { liveMs, connection }: Use): void {
  changedKeys.touch(key);
  key.usedLiveMs = liveMs;
  key.usedOn = connection;
  if (key.idleSlot === NOT_IN_WHEEL) idleTimers.schedule(key);
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
  const [own] = plan.keyings;
  const parts = partsOf(own!, name, labels);
  const device = lookUpKey(directory, own!, parts) as DeviceState;
  if (device.place === undefined) directory.deviceCount += 1;
  moveDevice(plan, directory, device, labels);
  device.seenLabels = device.place!.labels;
  return device;
}

/** Gives a device other labels and groups. */
function moveDevice(plan: StreamPlan, directory: Directory, device: DeviceState, labels: readonly string[]): void {
  const { placements } = directory;
  const shared = placements.find(labels);
  if (shared !== undefined) {
    device.place = new Place(device, shared.labels, shared.groups);
    return;
  }
  const own = labels.map(ownText);
  const groups = groupsOf(plan, directory, device.text, own);
  // A group with the name of the device in its key is not that of other devices.
  if (plan.keyings.every(({ index, parts }) => index === 0 || !parts.includes(-1)))
    placements.add({ labels: own, groups });
  device.place = new Place(device, own, groups);
}

function sameLabels(a: readonly string[], b: readonly string[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function groupsOf(
  { keyings, config }: StreamPlan,
  directory: Directory,
  device: string,
  labels: readonly string[],
): Groups {
  return keyings.map((keying) => {
    if (keying.index === 0) return undefined;
    const parts = partsOf(keying, device, labels);
    const known = directory.keys[keying.index]!;
    const key = known.size >= config.limits.keys ? known.get(keyText(parts)) : lookUpKey(directory, keying, parts);
    return key as GroupState | undefined;
  });
}

function partsOf({ parts }: Keying, device: string, labels: readonly string[]): string[] {
  return parts.map((part) => (part < 0 ? device : (labels[part] ?? '')));
}

/** Finds the key with these parts, or adds it, even above the limit. An added device has no place. */
export function lookUpKey(directory: Directory, { index, byDevice }: Keying, parts: readonly string[]): KeyState {
  const { keys, changedKeys, deviceNumbers } = directory;
  const known = keys[index]!.get(keyText(parts));
  if (known !== undefined) return known;
  const own = parts.map(ownText);
  const text = keyText(own);
  const number = changedKeys.next++;
  const key = byDevice ? new DeviceState(text, own, number, deviceNumbers) : new GroupState(text, own, index, number);
  keys[index]!.set(text, key);
  changedKeys.add(key);
  return key;
}

/**
 * Removes the devices and keys that have been idle for `StreamPlan.forgetMs`, at most `most` of them, and adds them to the tick's `forgotten`. Idle
 * time is live time. Returns whether some are left for the next tick.
 */
export function forgetIdle({ index, forgetMs }: StreamPlan, directory: Directory, tick: Tick, most: number): boolean {
  const { idleTimers, keys, changedKeys, placements } = directory;
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
    if (key instanceof GroupState) placements.clear();
    else if ((key as DeviceState).place !== undefined) directory.deviceCount -= 1;
    tick.forgotten.push({ stream: index, key });
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
    const { deviceCount, keys } = state.streams[index]!;
    const { limits } = config;
    const groups = keyings.slice(1).filter(({ index }) => keys[index]!.size >= limits.keys);
    return [
      ...(deviceCount >= limits.devices ? [`${deviceCount} devices of ${name} (limits.devices)`] : []),
      ...groups.map(({ per, index }) => `${keys[index]!.size} keys of ${name} by ${per.join(', ')} (limits.keys)`),
    ];
  });
}
