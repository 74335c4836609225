import type { PlannedReading } from './planned-reading.ts';
import { GARBAGE_FORMS, toHundredths } from './planned-reading.ts';
import type { Random } from './random.ts';

/** The faults of simulated devices. */
export type FaultName =
  | 'overheating'
  | 'drift'
  | 'spikes'
  | 'stuck'
  | 'clock-skew'
  | 'silence'
  | 'disconnect'
  | 'duplicates'
  | 'reordering'
  | 'garbage';

/** Bounds (from, to) in seconds of the random times in a schedule; for readings that are at most 5 s apart. */
export interface Timing {
  /** Time before the first episode. */
  readonly first: readonly [number, number];
  /** Duration of an episode. */
  readonly lasts: readonly [number, number];
  /** Time between two episodes. */
  readonly pause: readonly [number, number];
}

/** One period in which a fault of a device is active. */
export interface Episode {
  readonly startAt: number;
  readonly endAt: number;
  /** The random value of the episode: a peak, an offset or a frozen value. */
  readonly level: number;
  readonly random: Random;
}

export interface SimulatedFault {
  /** One line that describes the effect on a device. */
  readonly summary: string;
  readonly timing: Timing;
  /** Draws the level of an episode. `reading` is its first reading, already changed by earlier faults in the list. */
  begin(reading: PlannedReading, random: Random): number;
  /** Changes a reading; returns false if it leaves this one unchanged. */
  apply(reading: PlannedReading, episode: Episode): boolean;
  /** Changes the first reading after an episode. */
  end?(reading: PlannedReading): void;
}

const SHORT: Timing = { first: [5, 15], lasts: [60, 150], pause: [30, 120] };
const ABSENT: Timing = { first: [10, 30], lasts: [75, 150], pause: [60, 180] };
const MINUTE_MS = 60_000;
/** Share of an episode in which the temperature rises, and the same share in which it falls. */
const RAMP = 0.15;

/** All faults, in the order in which they are applied to a message: values, then timestamps, then delivery. */
export const faults = {
  overheating: {
    summary: 'temperature climbs to 48–60 °C, stays there and recovers',
    timing: { first: [5, 15], lasts: [90, 150], pause: [120, 300] },
    begin: (_reading, random) => random.between(48.5, 59.5),
    apply(reading, { startAt, endAt, level, random }) {
      const rampMs = (endAt - startAt) * RAMP;
      const share = Math.min(1, (reading.at - startAt) / rampMs, (endAt - reading.at) / rampMs);
      reading.temp += (level + random.between(-0.4, 0.4) - reading.temp) * share;
      return true;
    },
  },
  drift: {
    summary: 'temperature slides away by up to 8 °C, until recalibrated',
    timing: { first: [10, 30], lasts: [300, 600], pause: [120, 300] },
    // Drift goes towards the middle of the range, so that drift alone never looks like overheating.
    begin: (reading, random) => random.between(5, 8) * (reading.temp > 30 ? -1 : 1),
    apply(reading, { startAt, endAt, level }) {
      reading.temp += (level * (reading.at - startAt)) / (endAt - startAt);
      return true;
    },
  },
  spikes: {
    summary: 'single readings jump by 25–40 °C, up or down',
    timing: SHORT,
    begin: () => 0,
    apply(reading, { random }) {
      const hit = random.next() < 0.2;
      const jump = random.between(25, 40) * (random.next() < 0.5 ? -1 : 1);
      if (hit) reading.temp += jump;
      return hit;
    },
  },
  stuck: {
    summary: 'temperature repeats exactly the same value',
    timing: { first: [5, 20], lasts: [60, 180], pause: [60, 180] },
    begin: (reading) => toHundredths(reading.temp),
    apply(reading, { level }) {
      reading.temp = level;
      return true;
    },
  },
  'clock-skew': {
    summary: 'timestamps are 2–10 minutes ahead or behind',
    timing: { first: [5, 20], lasts: [60, 180], pause: [60, 180] },
    begin: (_reading, random) => random.between(2 * MINUTE_MS, 10 * MINUTE_MS) * (random.next() < 0.5 ? -1 : 1),
    apply(reading, { level }) {
      reading.stampAt += level;
      return true;
    },
  },
  silence: {
    summary: 'sends nothing for a minute or more, then continues; no status message',
    timing: ABSENT,
    begin: () => 0,
    apply(reading) {
      reading.withheld = true;
      return true;
    },
  },
  disconnect: {
    summary: 'sends "offline" on its status topic like a last will, is silent, then sends "online" and continues',
    timing: ABSENT,
    begin(reading) {
      reading.statusToSend = 'offline';
      return 0;
    },
    apply(reading) {
      reading.withheld = true;
      return true;
    },
    end(reading) {
      reading.statusToSend = 'online';
    },
  },
  duplicates: {
    summary: 'about every second message is sent twice, with the same bytes',
    timing: SHORT,
    begin: () => 0,
    apply(reading, { random }) {
      const hit = random.next() < 0.5;
      const after = random.between(0, 0.9) * reading.everyMs;
      if (hit) reading.copyAfterMs = after;
      return hit;
    },
  },
  reordering: {
    summary: 'some messages are sent after the one or two that follow them',
    timing: SHORT,
    begin: () => 0,
    apply(reading, { random }) {
      const hit = random.next() < 1 / 3;
      const delayMs = random.between(1.1, 2.9) * reading.everyMs;
      if (hit) reading.delayMs = delayMs;
      return hit;
    },
  },
  garbage: {
    summary: 'about every second message is not a reading: text, cut off, wrong types, not an object, binary',
    timing: SHORT,
    begin: () => 0,
    apply(reading, { random }) {
      const hit = random.next() < 0.5;
      const form = GARBAGE_FORMS[Math.floor(random.next() * GARBAGE_FORMS.length)]!;
      if (hit) reading.garbage = { form, random };
      return hit;
    },
  },
} satisfies Record<FaultName, SimulatedFault> as Readonly<Record<FaultName, SimulatedFault>>;

/** The names of all faults, in the order in which they are applied. */
export const FAULT_NAMES = Object.keys(faults) as readonly FaultName[];
