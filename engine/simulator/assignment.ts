import { deviceId } from './device.ts';
import { type Affliction, createAffliction } from './episodes.ts';
import { FAULT_NAMES, type FaultName, type Timing } from './faults.ts';
import { createRandom, type Random } from './random.ts';

/** A fault, and how many devices have it. */
export interface FaultSpec {
  readonly name: FaultName;
  /** A share in (0, 1] of the devices, at least one; or a number of devices. Default: one device. */
  readonly devices?: { readonly share: number } | { readonly count: number };
  /** Default: the fault's own timing, stretched where readings are more than 5 s apart. */
  readonly timing?: Timing;
}

/** The devices that a fault was given to, by their ids. */
export interface FaultAssignment {
  readonly fault: FaultName;
  readonly devices: readonly string[];
}

/** Streams of a device: the first is its own, the others belong to its faults, in the order of `FAULT_NAMES`. */
export const STREAMS_PER_DEVICE = 16;
/** Above every device's streams; the lot of each fault is drawn from here. */
const SELECTION_STREAM = 0x8000_0000;

interface FleetShape {
  readonly devices: number;
  readonly everyMs: number;
  readonly seed: number;
  readonly startAt: number;
  readonly faults: readonly FaultSpec[];
}

/**
 * Chooses the devices of every fault by lot, those with the fewest faults first, and makes their schedules.
 * A fault further back in the list changes nothing for those before it. Afflictions stand per device, by its index,
 * in the order in which faults apply. Throws a RangeError for a fault named twice, more devices than there are, or no time between episodes.
 */
export function createAfflictions(shape: FleetShape): {
  readonly assignments: readonly FaultAssignment[];
  readonly afflictions: readonly (readonly Affliction[])[];
} {
  const specOf: (FaultSpec | undefined)[][] = Array.from({ length: shape.devices }, () => []);
  const burden = new Uint8Array(shape.devices);
  const assignments = shape.faults.map((spec, position): FaultAssignment => {
    checkSpec(shape, spec, position);
    const place = FAULT_NAMES.indexOf(spec.name);
    const random = createRandom(shape.seed, SELECTION_STREAM + place);
    const chosen = drawLots(burden, random).slice(0, countOf(spec, shape.devices));
    for (const index of chosen) {
      burden[index]! += 1;
      specOf[index]![place] = spec;
    }
    return { fault: spec.name, devices: chosen.sort((a, b) => a - b).map(deviceId) };
  });
  const afflictions = specOf.map((specs, index) =>
    specs.flatMap((spec, place) => {
      if (spec === undefined) return [];
      const random = createRandom(shape.seed, index * STREAMS_PER_DEVICE + 1 + place);
      const { startAt, everyMs } = shape;
      return [createAffliction(spec.name, { startAt, everyMs, random, ...(spec.timing && { timing: spec.timing }) })];
    }),
  );
  return { assignments, afflictions };
}

/** How many of the devices a spec means. */
export function countOf({ devices }: FaultSpec, total: number): number {
  if (devices === undefined) return 1;
  return 'count' in devices ? devices.count : Math.max(1, Math.round(devices.share * total));
}

function checkSpec(shape: FleetShape, spec: FaultSpec, position: number): void {
  if (shape.faults.findIndex(({ name }) => name === spec.name) < position) {
    throw new RangeError(`the fault ${spec.name} is given twice`);
  }
  const count = countOf(spec, shape.devices);
  if (!Number.isInteger(count) || count < 1 || count > shape.devices) {
    throw new RangeError(`the fault ${spec.name} is for ${count} of ${shape.devices} devices`);
  }
  if (spec.timing !== undefined && !(spec.timing.lasts[0] > 0 && spec.timing.pause[0] >= 0)) {
    throw new RangeError(`an episode of ${spec.name} must last longer than 0 s`);
  }
}

/** Device indexes, those with the least burden first, by lot among equals. */
function drawLots(burden: Uint8Array, random: Random): number[] {
  const lots = Array.from(burden, (faults) => faults + random.next());
  return [...lots.keys()].sort((a, b) => lots[a]! - lots[b]!);
}
