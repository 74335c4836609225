import type { ReadingDraft } from './draft.ts';
import { GARBAGE_FORMS, toHundredths } from './draft.ts';
import type { Random } from './random.ts';

/** Everything that can be wrong with a simulated device. */
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

/** From–to bounds, in seconds, of the times that a device's schedule draws; for readings 5 s apart or less. */
export interface Timing {
  /** Before the first episode. */
  readonly first: readonly [number, number];
  /** How long an episode lasts. */
  readonly lasts: readonly [number, number];
  /** Between two episodes. */
  readonly pause: readonly [number, number];
}

/** One stretch of trouble of one device. */
export interface Episode {
  readonly startAt: number;
  readonly endAt: number;
  /** What the fault drew when the episode began: a peak, an offset, a frozen value. */
  readonly level: number;
  readonly random: Random;
}

export interface SimulatedFault {
  /** What it does to a device, in one line. */
  readonly summary: string;
  readonly timing: Timing;
  /** Draws the episode's level; the draft is the episode's first message, healthy but for earlier faults. */
  begin(draft: ReadingDraft, random: Random): number;
  /** Spoils a message; false where it leaves this one alone. */
  apply(draft: ReadingDraft, episode: Episode): boolean;
  /** Marks the first message after an episode. */
  end?(draft: ReadingDraft): void;
}

const SHORT: Timing = { first: [5, 15], lasts: [60, 150], pause: [30, 120] };
const ABSENT: Timing = { first: [10, 30], lasts: [75, 150], pause: [60, 180] };
const MINUTE_MS = 60_000;
/** Share of an episode that overheating takes to rise, and again to fall. */
const RAMP = 0.15;

/** Every fault, in the order in which they are applied to a message: values, then stamps, then delivery. */
export const faults = {
  overheating: {
    summary: 'temperature climbs to 48–60 °C, stays there and recovers',
    timing: { first: [5, 15], lasts: [90, 150], pause: [120, 300] },
    begin: (_draft, random) => random.between(48.5, 59.5),
    apply(draft, { startAt, endAt, level, random }) {
      const rampMs = (endAt - startAt) * RAMP;
      const share = Math.min(1, (draft.at - startAt) / rampMs, (endAt - draft.at) / rampMs);
      draft.temp += (level + random.between(-0.4, 0.4) - draft.temp) * share;
      return true;
    },
  },
  drift: {
    summary: 'temperature slides away by up to 8 °C, until recalibrated',
    timing: { first: [10, 30], lasts: [300, 600], pause: [120, 300] },
    // Towards the middle of the range, so that drift alone never overheats.
    begin: (draft, random) => random.between(5, 8) * (draft.temp > 30 ? -1 : 1),
    apply(draft, { startAt, endAt, level }) {
      draft.temp += (level * (draft.at - startAt)) / (endAt - startAt);
      return true;
    },
  },
  spikes: {
    summary: 'single readings jump by 25–40 °C, up or down',
    timing: SHORT,
    begin: () => 0,
    apply(draft, { random }) {
      const hit = random.next() < 0.2;
      const jump = random.between(25, 40) * (random.next() < 0.5 ? -1 : 1);
      if (hit) draft.temp += jump;
      return hit;
    },
  },
  stuck: {
    summary: 'temperature repeats exactly the same value',
    timing: { first: [5, 20], lasts: [60, 180], pause: [60, 180] },
    begin: (draft) => toHundredths(draft.temp),
    apply(draft, { level }) {
      draft.temp = level;
      return true;
    },
  },
  'clock-skew': {
    summary: 'stamps are 2–10 minutes ahead or behind',
    timing: { first: [5, 20], lasts: [60, 180], pause: [60, 180] },
    begin: (_draft, random) => random.between(2 * MINUTE_MS, 10 * MINUTE_MS) * (random.next() < 0.5 ? -1 : 1),
    apply(draft, { level }) {
      draft.stampAt += level;
      return true;
    },
  },
  silence: {
    summary: 'sends nothing for a minute or more, and comes back without a word',
    timing: ABSENT,
    begin: () => 0,
    apply(draft) {
      draft.withheld = true;
      return true;
    },
  },
  disconnect: {
    summary: 'says "offline" on its status topic as a last will would, is silent, says "online" and comes back',
    timing: ABSENT,
    begin(draft) {
      draft.announce = 'offline';
      return 0;
    },
    apply(draft) {
      draft.withheld = true;
      return true;
    },
    end(draft) {
      draft.announce = 'online';
    },
  },
  duplicates: {
    summary: 'every other message, more or less, is sent twice, byte for byte',
    timing: SHORT,
    begin: () => 0,
    apply(draft, { random }) {
      const hit = random.next() < 0.5;
      const after = random.between(0, 0.9) * draft.everyMs;
      if (hit) draft.copyAfterMs = after;
      return hit;
    },
  },
  reordering: {
    summary: 'some messages are sent after the one or two that follow them',
    timing: SHORT,
    begin: () => 0,
    apply(draft, { random }) {
      const hit = random.next() < 1 / 3;
      const delayMs = random.between(1.1, 2.9) * draft.everyMs;
      if (hit) draft.delayMs = delayMs;
      return hit;
    },
  },
  garbage: {
    summary: 'every other message, more or less, is not a reading: prose, cut off, wrong types, no object, binary',
    timing: SHORT,
    begin: () => 0,
    apply(draft, { random }) {
      const hit = random.next() < 0.5;
      const form = GARBAGE_FORMS[Math.floor(random.next() * GARBAGE_FORMS.length)]!;
      if (hit) draft.garbage = { form, random };
      return hit;
    },
  },
} satisfies Record<FaultName, SimulatedFault> as Readonly<Record<FaultName, SimulatedFault>>;

/** The names of all faults, in the order in which they are applied. */
export const FAULT_NAMES = Object.keys(faults) as readonly FaultName[];
