import type { Groups } from './device.ts';

/** What follows from the labels of a device, whatever the device is. */
interface Placement {
  readonly labels: readonly string[];
  readonly groups: Groups;
}

/** Recent labels with their groups, so that devices with the same labels share them. */
export interface Placements {
  /** The groups of exactly these labels, and labels to keep instead of these. */
  find(labels: readonly string[]): Placement | undefined;
  /** Remembers groups; not if there was no room for one, since there may be later. */
  add(placement: Placement): void;
  /** Call it when a group is removed. */
  clear(): void;
}

/** Remembers as many. Devices with the same labels are often seen together, so it matters little which are forgotten. */
const MOST = 4_096;

/** Without placements. */
export function createPlacements(): Placements {
  const byText = new Map<string, Placement>();
  return {
    find: (labels) => byText.get(textOf(labels)),
    add(placement) {
      const { labels, groups } = placement;
      for (let i = 1; i < groups.length; i++) if (groups[i] === undefined) return;
      if (byText.size >= MOST) byText.clear();
      byText.set(textOf(labels), placement);
    },
    clear: () => byText.clear(),
  };
}

/** A text that no other labels have. A label may be absent (a hole), which is not the same as an empty one. */
function textOf(labels: readonly string[]): string {
  return JSON.stringify(labels);
}
