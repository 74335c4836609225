import { assignFaults, type FaultAssignment, type FaultSpec, STREAMS_PER_DEVICE } from './assignment.ts';
import { createDevice, type Device, measure } from './device.ts';
import type { DeviceFault } from './device-fault.ts';
import type { FaultName } from './faults.ts';
import {
  createPlannedReading,
  type PlannedReading,
  renderGarbage,
  renderReading,
  resetReading,
} from './planned-reading.ts';
import { createRandom } from './random.ts';
import { countMessage, createTally, type SimulatedMessage, type Tally } from './tally.ts';

export interface SimulatorOptions {
  /** Number of devices; at least 1. */
  readonly devices: number;
  /** Time between two readings of a device, at least 1 ms so that timestamps differ. The devices take turns within it. Default 5000. */
  readonly everyMs?: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** Instant of the first reading of the first device; milliseconds since the epoch. */
  readonly startAt: number;
  readonly faults: readonly FaultSpec[];
  /** The topic template, with `{site}` and `{device}`. Default `plant/{site}/{device}/data`. */
  readonly topic?: string;
  /** Default 1. */
  readonly qos?: 0 | 1 | 2;
}

/** Counts of the messages that a simulator has generated so far. */
export interface GeneratedCounts extends Tally {
  /** Messages that a healthy device would have sent, but that a fault suppressed. */
  withheld: number;
  readonly withheldByFault: Partial<Record<FaultName, number>>;
}

/** An endless, time-ordered sequence of messages of a fleet of devices. */
export interface Simulator {
  next(): SimulatedMessage;
  /** Counts of everything that `next` has returned. The object is updated, it is not a copy. */
  generated(): GeneratedCounts;
  /** The devices of each fault, in the order of the options. */
  assignments(): readonly FaultAssignment[];
  /** The faults that were active at the latest reading of each device. */
  active(): readonly { readonly fault: FaultName; readonly device: string }[];
}

export const DEFAULT_TOPIC = 'plant/{site}/{device}/data';

const NO_FAULTS: readonly FaultName[] = Object.freeze([]);

interface Fleet {
  readonly options: SimulatorOptions;
  readonly everyMs: number;
  readonly qos: 0 | 1 | 2;
  readonly devices: readonly Device[];
  readonly deviceFaults: readonly (readonly DeviceFault[])[];
  readonly reading: PlannedReading;
  readonly generated: GeneratedCounts;
  /** Generated messages that are not yet due, the latest first; those due at the same instant are in reverse order of creation. */
  readonly waiting: SimulatedMessage[];
  round: number;
  index: number;
}

/**
 * Creates a fleet. The same options give the same sequence of bytes. Each device, and each fault of a device, has its own random stream,
 * so a fault changes only the messages of the devices that have it. Throws a RangeError if an option is out of bounds.
 */
export function createSimulator(options: SimulatorOptions): Simulator {
  const everyMs = options.everyMs ?? 5_000;
  checkOptions(options, everyMs);
  const template = options.topic ?? DEFAULT_TOPIC;
  const devices = Array.from({ length: options.devices }, (_, index) =>
    createDevice(index, template, createRandom(options.seed, index * STREAMS_PER_DEVICE)),
  );
  const { assignments, deviceFaults } = assignFaults({ ...options, everyMs });
  const generated: GeneratedCounts = { ...createTally(), withheld: 0, withheldByFault: {} };
  const fleet: Fleet = {
    options,
    everyMs,
    qos: options.qos ?? 1,
    devices,
    deviceFaults,
    reading: createPlannedReading(everyMs),
    generated,
    waiting: [],
    round: 0,
    index: 0,
  };
  return {
    next: () => nextMessage(fleet),
    generated: () => generated,
    assignments: () => assignments,
    active: () =>
      deviceFaults.flatMap((own, index) =>
        own.filter((one) => one.active()).map((one) => ({ fault: one.name, device: devices[index]!.id })),
      ),
  };
}

function checkOptions({ devices, seed }: SimulatorOptions, everyMs: number): void {
  if (!Number.isInteger(devices) || devices < 1)
    throw new RangeError(`devices must be a whole number from 1, not ${devices}`);
  if (!(everyMs >= 1 && everyMs < Infinity)) throw new RangeError(`everyMs must be at least 1, not ${everyMs}`);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`seed must be a whole number from 0, not ${seed}`);
}

function nextMessage(fleet: Fleet): SimulatedMessage {
  for (;;) {
    const dueAt = fleet.options.startAt + fleet.everyMs * (fleet.round + fleet.index / fleet.devices.length);
    const first = fleet.waiting.at(-1);
    // A message due at the same instant as the next reading was generated before it, so it is sent first.
    if (first !== undefined && first.at <= dueAt) {
      fleet.waiting.pop();
      countMessage(fleet.generated, first);
      return first;
    }
    makeReading(fleet, fleet.index, dueAt);
    fleet.index += 1;
    if (fleet.index === fleet.devices.length) {
      fleet.index = 0;
      fleet.round += 1;
    }
  }
}

function makeReading(fleet: Fleet, index: number, at: number): void {
  const { reading } = fleet;
  const device = fleet.devices[index]!;
  resetReading(reading, at);
  measure(device, at - fleet.options.startAt, at, reading);
  let applied = NO_FAULTS;
  for (const deviceFault of fleet.deviceFaults[index]!) {
    if (deviceFault.apply(reading)) applied = [...applied, deviceFault.name];
  }
  if (reading.statusToSend !== undefined) {
    enqueue(fleet, {
      at,
      topic: device.statusTopic,
      payload: reading.statusToSend,
      qos: fleet.qos,
      kind: 'status',
      device: device.id,
      copy: false,
      faults: ['disconnect'],
    });
  }
  if (reading.withheld) countWithheld(fleet.generated, applied);
  else sendReading(fleet, device, applied);
}

function sendReading(fleet: Fleet, device: Device, applied: readonly FaultName[]): void {
  const { reading } = fleet;
  const { garbage } = reading;
  const message: SimulatedMessage = {
    at: reading.at + reading.delayMs,
    topic: device.topic,
    payload: garbage
      ? renderGarbage(garbage.form, device.id, reading, garbage.random)
      : renderReading(device.id, reading),
    qos: fleet.qos,
    kind: garbage ? 'garbage' : 'reading',
    device: device.id,
    copy: false,
    faults: applied,
  };
  enqueue(fleet, message);
  if (reading.copyAfterMs !== undefined)
    enqueue(fleet, { ...message, at: message.at + reading.copyAfterMs, copy: true });
}

function countWithheld(generated: GeneratedCounts, applied: readonly FaultName[]): void {
  generated.withheld += 1;
  for (const fault of applied) {
    if (fault === 'silence' || fault === 'disconnect') {
      generated.withheldByFault[fault] = (generated.withheldByFault[fault] ?? 0) + 1;
    }
  }
}

function enqueue({ waiting }: Fleet, message: SimulatedMessage): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (waiting[middle]!.at <= message.at) high = middle;
    else low = middle + 1;
  }
  waiting.splice(low, 0, message);
}
