import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import { createDevice, type DeviceKeys, type DeviceState } from './device.ts';
import { createKey, type KeyState, keyText } from './key.ts';

/** Which devices and keys of a stream are known, and which keys a device belongs to. The readings alone decide this, so all steps share it. */
export interface Directory {
  /**
   * Names of the devices that may be remembered. Belongs to decode. Not part of a snapshot: after a cut they are the names in `devices`.
   */
  readonly admitted: Set<string>;
  readonly devices: Map<string, DeviceState>;
  /** By keying: the keys by their text. */
  readonly keys: Map<string, KeyState>[];
}

/** Makes a directory without devices and keys. */
export function createDirectory({ keyings }: StreamPlan): Directory {
  return { admitted: new Set(), devices: new Map(), keys: keyings.map(() => new Map()) };
}

/** Whether a device may be remembered: it is already, or there is room for it. Admits it in that case. */
export function admitDevice({ config }: StreamPlan, { admitted }: Directory, name: string): boolean {
  if (admitted.has(name)) return true;
  if (admitted.size >= config.limits.devices) return false;
  admitted.add(name);
  return true;
}

/**
 * Finds a device, or adds it, with the keys that these labels (by stream label index) give it. Undefined if there is no room for it.
 * Nothing is ever forgotten, so a later step that asks gets the same answer.
 */
export function lookUpDevice(
  plan: StreamPlan,
  directory: Directory,
  name: string,
  labels: readonly string[],
): DeviceState | undefined {
  const device = directory.devices.get(name);
  if (device === undefined) {
    return directory.devices.size < plan.config.limits.devices ? addDevice(plan, directory, name, labels) : undefined;
  }
  if (device.labels !== labels) {
    if (!sameLabels(device.labels, labels)) device.keys = keysOf(plan, directory, name, labels);
    device.labels = labels;
  }
  return device;
}

/** Adds a device, even above the limit. */
export function addDevice(
  plan: StreamPlan,
  directory: Directory,
  name: string,
  labels: readonly string[],
): DeviceState {
  const device = createDevice(name, labels, keysOf(plan, directory, name, labels));
  directory.devices.set(name, device);
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
    lookUpKey(directory, own!.index, partsOf(own!)),
    ...others.map((keying) => {
      const parts = partsOf(keying);
      const known = directory.keys[keying.index]!;
      const isFull = known.size >= config.limits.keys;
      return isFull ? known.get(keyText(parts)) : lookUpKey(directory, keying.index, parts);
    }),
  ];
}

/** Finds the key with these parts, or adds it, even above the limit. */
export function lookUpKey({ keys }: Directory, keying: number, parts: readonly string[]): KeyState {
  const text = keyText(parts);
  const known = keys[keying]!.get(text);
  if (known !== undefined) return known;
  const key = createKey({ text, parts }, keying);
  keys[keying]!.set(text, key);
  return key;
}

/** Describes each limit on devices and keys that is reached, for the log; for streams that devices send. */
export function fullLimits({ streams }: Plan, state: { readonly streams: readonly Directory[] }): string[] {
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
