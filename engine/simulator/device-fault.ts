import type { ReadingDraft } from './draft.ts';
import type { Episode, FaultName, SimulatedFault, Timing } from './faults.ts';
import { faults } from './faults.ts';
import type { Random } from './random.ts';

/** One fault of one device, coming and going by its schedule. */
export interface Affliction {
  readonly name: FaultName;
  readonly random: Random;
  /** In the middle of an episode at the device's latest reading. */
  active(): boolean;
  /** Brings the schedule up to the draft's instant and spoils the draft; whether it touched it. Instants must ascend. */
  apply(draft: ReadingDraft): boolean;
}

/** Readings further apart than this stretch the schedule, so that an episode still covers several of them. */
const USUAL_EVERY_MS = 5_000;

/** A fault's schedule for one device, beginning at an instant. Draws only from the given numbers. */
export function createAffliction(
  name: FaultName,
  options: { readonly startAt: number; readonly everyMs: number; readonly timing?: Timing; readonly random: Random },
): Affliction {
  const { startAt, everyMs, random } = options;
  const fault: SimulatedFault = faults[name];
  const timing = options.timing ?? fault.timing;
  const stretch = options.timing === undefined ? Math.max(1, everyMs / USUAL_EVERY_MS) : 1;
  const draw = (bounds: readonly [number, number]) => random.between(bounds[0], bounds[1]) * 1000 * stretch;
  let nextStartAt = startAt + draw(timing.first);
  let nextEndAt = nextStartAt + draw(timing.lasts);
  let episode: Episode | undefined;

  function advance(draft: ReadingDraft): void {
    while (draft.at >= nextEndAt) {
      if (episode !== undefined) fault.end?.(draft);
      episode = undefined;
      nextStartAt = nextEndAt + draw(timing.pause);
      nextEndAt = nextStartAt + draw(timing.lasts);
    }
    if (episode === undefined && draft.at >= nextStartAt) {
      episode = { startAt: nextStartAt, endAt: nextEndAt, level: fault.begin(draft, random), random };
    }
  }

  return {
    name,
    random,
    active: () => episode !== undefined,
    apply(draft) {
      advance(draft);
      return episode === undefined ? false : fault.apply(draft, episode);
    },
  };
}
