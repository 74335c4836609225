import type { Episode, FaultName, SimulatedFault, Timing } from './faults.ts';
import { faults } from './faults.ts';
import type { PlannedReading } from './planned-reading.ts';
import type { Random } from './random.ts';

/** One fault of one device, which starts and ends by its schedule. */
export interface DeviceFault {
  readonly name: FaultName;
  readonly random: Random;
  /** Whether an episode was active at the device's latest reading. */
  active(): boolean;
  /** Advances the schedule to the reading's instant and applies the fault. Returns whether it changed the reading. Instants must ascend. */
  apply(reading: PlannedReading): boolean;
}

/** If readings are further apart than this, the schedule is stretched, so that an episode still covers several readings. */
const USUAL_EVERY_MS = 5_000;

/** Creates a fault of one device, whose schedule starts at `startAt`. It draws random numbers only from `random`. */
export function createDeviceFault(
  name: FaultName,
  options: { readonly startAt: number; readonly everyMs: number; readonly timing?: Timing; readonly random: Random },
): DeviceFault {
  const { startAt, everyMs, random } = options;
  const fault: SimulatedFault = faults[name];
  const timing = options.timing ?? fault.timing;
  const stretch = options.timing === undefined ? Math.max(1, everyMs / USUAL_EVERY_MS) : 1;
  const draw = (bounds: readonly [number, number]) => random.between(bounds[0], bounds[1]) * 1000 * stretch;
  let nextStartAt = startAt + draw(timing.first);
  let nextEndAt = nextStartAt + draw(timing.lasts);
  let episode: Episode | undefined;

  function advance(reading: PlannedReading): void {
    while (reading.at >= nextEndAt) {
      if (episode !== undefined) fault.end?.(reading);
      episode = undefined;
      nextStartAt = nextEndAt + draw(timing.pause);
      nextEndAt = nextStartAt + draw(timing.lasts);
    }
    if (episode === undefined && reading.at >= nextStartAt) {
      episode = { startAt: nextStartAt, endAt: nextEndAt, level: fault.begin(reading, random), random };
    }
  }

  return {
    name,
    random,
    active: () => episode !== undefined,
    apply(reading) {
      advance(reading);
      return episode === undefined ? false : fault.apply(reading, episode);
    },
  };
}
