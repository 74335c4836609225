import { createAfflictions, type FaultAssignment, type FaultSpec, STREAMS_PER_DEVICE } from './assignment.ts';
import { createDevice, type Device, measure } from './device.ts';
import { createDraft, type ReadingDraft, renderGarbage, renderReading, restartDraft } from './draft.ts';
import type { Affliction } from './episodes.ts';
import type { FaultName } from './faults.ts';
import { createRandom } from './random.ts';
import { countMessage, createTally, type PublishedCounts, type Tally } from './tally.ts';

export interface SimulatorOptions {
  /** How many devices; at least 1. */
  readonly devices: number;
  /** Time between two readings of a device, at least 1 ms so that stamps differ; the devices take turns within it. Default 5000. */
  readonly everyMs?: number;
  /** An integer in [0, 2^53). */
  readonly seed: number;
  /** When the first device measures first, milliseconds since the epoch. */
  readonly startAt: number;
  readonly faults: readonly FaultSpec[];
  /** May name `{site}` and `{device}`. Default `plant/{site}/{device}/data`. */
  readonly topic?: string;
  /** Default 1. */
  readonly qos?: 0 | 1 | 2;
}

/** What a simulator has made so far. */
export interface Made extends Tally {
  /** Messages that a healthy device would have sent and a fault kept back. */
  withheld: number;
  readonly withheldByFault: Partial<Record<FaultName, number>>;
}

/** An endless, time-ordered sequence of messages of a fleet of devices. */
export interface Simulator {
  next(): PublishedCounts;
  /** Counts over everything that `next` has returned; live, not a copy. */
  made(): Made;
  /** Which devices have which faults, in the order of the options. */
  assignments(): readonly FaultAssignment[];
  /** The episodes under way at the latest reading of each device. */
  active(): readonly { readonly fault: FaultName; readonly device: string }[];
}

export const DEFAULT_TOPIC = 'plant/{site}/{device}/data';

const NO_FAULTS: readonly FaultName[] = Object.freeze([]);

interface Fleet {
  readonly options: SimulatorOptions;
  readonly everyMs: number;
  readonly qos: 0 | 1 | 2;
  readonly devices: readonly Device[];
  readonly afflictions: readonly (readonly Affliction[])[];
  readonly draft: ReadingDraft;
  readonly made: Made;
  /** Messages made but not yet due, latest first; those due at the same instant in reverse order of making. */
  readonly waiting: PublishedCounts[];
  round: number;
  index: number;
}

/**
 * Makes a fleet. The same options give the same sequence, byte for byte. Each device, and each fault of a device, draws
 * from a random stream of its own, so that a fault changes nothing but the messages of the devices that have it.
 * Throws a RangeError where an option is out of its bounds.
 */
export function createSimulator(options: SimulatorOptions): Simulator {
  const everyMs = options.everyMs ?? 5_000;
  checkOptions(options, everyMs);
  const template = options.topic ?? DEFAULT_TOPIC;
  const devices = Array.from({ length: options.devices }, (_, index) =>
    createDevice(index, template, createRandom(options.seed, index * STREAMS_PER_DEVICE)),
  );
  const { assignments, afflictions } = createAfflictions({ ...options, everyMs });
  const made: Made = { ...createTally(), withheld: 0, withheldByFault: {} };
  const fleet: Fleet = {
    options,
    everyMs,
    qos: options.qos ?? 1,
    devices,
    afflictions,
    draft: createDraft(everyMs),
    made,
    waiting: [],
    round: 0,
    index: 0,
  };
  return {
    next: () => nextMessage(fleet),
    made: () => made,
    assignments: () => assignments,
    active: () =>
      afflictions.flatMap((own, index) =>
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

function nextMessage(fleet: Fleet): PublishedCounts {
  for (;;) {
    const dueAt = fleet.options.startAt + fleet.everyMs * (fleet.round + fleet.index / fleet.devices.length);
    const first = fleet.waiting.at(-1);
    // A message due at the very instant of the next reading was made before it, and goes first.
    if (first !== undefined && first.at <= dueAt) {
      fleet.waiting.pop();
      countMessage(fleet.made, first);
      return first;
    }
    takeReading(fleet, fleet.index, dueAt);
    fleet.index += 1;
    if (fleet.index === fleet.devices.length) {
      fleet.index = 0;
      fleet.round += 1;
    }
  }
}

function takeReading(fleet: Fleet, index: number, at: number): void {
  const { draft } = fleet;
  const device = fleet.devices[index]!;
  restartDraft(draft, at);
  measure(device, at - fleet.options.startAt, at, draft);
  let touched = NO_FAULTS;
  for (const affliction of fleet.afflictions[index]!) {
    if (affliction.apply(draft)) touched = [...touched, affliction.name];
  }
  if (draft.announce !== undefined) {
    enqueue(fleet, {
      at,
      topic: device.statusTopic,
      payload: draft.announce,
      qos: fleet.qos,
      kind: 'status',
      device: device.id,
      copy: false,
      faults: ['disconnect'],
    });
  }
  if (draft.withheld) countWithheld(fleet.made, touched);
  else sendDraft(fleet, device, touched);
}

function sendDraft(fleet: Fleet, device: Device, touched: readonly FaultName[]): void {
  const { draft } = fleet;
  const { garbage } = draft;
  const message: PublishedCounts = {
    at: draft.at + draft.delayMs,
    topic: device.topic,
    payload: garbage ? renderGarbage(garbage.form, device.id, draft, garbage.random) : renderReading(device.id, draft),
    qos: fleet.qos,
    kind: garbage ? 'garbage' : 'reading',
    device: device.id,
    copy: false,
    faults: touched,
  };
  enqueue(fleet, message);
  if (draft.copyAfterMs !== undefined) enqueue(fleet, { ...message, at: message.at + draft.copyAfterMs, copy: true });
}

function countWithheld(made: Made, touched: readonly FaultName[]): void {
  made.withheld += 1;
  for (const fault of touched) {
    if (fault === 'silence' || fault === 'disconnect') {
      made.withheldByFault[fault] = (made.withheldByFault[fault] ?? 0) + 1;
    }
  }
}

function enqueue({ waiting }: Fleet, message: PublishedCounts): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (waiting[middle]!.at <= message.at) high = middle;
    else low = middle + 1;
  }
  waiting.splice(low, 0, message);
}
