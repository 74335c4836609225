import { deviceId } from './device.ts';
import { createDeviceFault, type DeviceFault } from './device-fault.ts';
import { FAULT_NAMES, type FaultName, type Timing } from './faults.ts';
import { createRandom, type Random } from './random.ts';

/** A fault and the number of devices that have it. */
export interface FaultSpec {
  readonly name: FaultName;
  /** A share of the devices in (0, 1], at least one device; or a number of devices. Default: one device. */
  readonly devices?: { readonly share: number } | { readonly count: number };
  /** Default: the fault's own timing, stretched if readings are more than 5 s apart. */
  readonly timing?: Timing;
}

/** The ids of the devices that have a fault. */
export interface FaultAssignment {
  readonly fault: FaultName;
  readonly devices: readonly string[];
}

/** Number of random streams per device: the first is for the device, the others for its faults in the order of `FAULT_NAMES`. */
export const STREAMS_PER_DEVICE = 16;
/** The first of the random streams that choose the devices of a fault. It is above the streams of all devices. */
const SELECTION_STREAM = 0x8000_0000;

interface FleetShape {
  readonly devices: number;
  readonly everyMs: number;
  readonly seed: number;
  readonly startAt: number;
  readonly faults: readonly FaultSpec[];
}

/**
 * Chooses the devices of each fault at random, those with the fewest faults first, and makes their schedules. A fault does not affect the
 * choice of the faults before it in the list. `deviceFaults` is indexed by device; each entry is in the order in which faults are applied.
 * Throws a RangeError for a fault that is given twice, for more devices than there are, or for an episode of 0 s.
 */
export function assignFaults(shape: FleetShape): {
  readonly assignments: readonly FaultAssignment[];
  readonly deviceFaults: readonly (readonly DeviceFault[])[];
} {
  const specOf: (FaultSpec | undefined)[][] = Array.from({ length: shape.devices }, () => []);
  const faultCounts = new Uint8Array(shape.devices);
  const assignments = shape.faults.map((spec, position): FaultAssignment => {
    checkSpec(shape, spec, position);
    const place = FAULT_NAMES.indexOf(spec.name);
    const random = createRandom(shape.seed, SELECTION_STREAM + place);
    const chosen = drawDevices(faultCounts, random).slice(0, countOf(spec, shape.devices));
    for (const index of chosen) {
      faultCounts[index]! += 1;
      specOf[index]![place] = spec;
    }
    return { fault: spec.name, devices: chosen.sort((a, b) => a - b).map(deviceId) };
  });
  const deviceFaults = specOf.map((specs, index) =>
    specs.flatMap((spec, place) => {
      if (spec === undefined) return [];
      const random = createRandom(shape.seed, index * STREAMS_PER_DEVICE + 1 + place);
      const { startAt, everyMs } = shape;
      return [createDeviceFault(spec.name, { startAt, everyMs, random, ...(spec.timing && { timing: spec.timing }) })];
    }),
  );
  return { assignments, deviceFaults };
}

/** The number of devices of a spec. */
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

/** Device indexes in random order, those with the fewest faults first. */
function drawDevices(faultCounts: Uint8Array, random: Random): number[] {
  const ranks = Array.from(faultCounts, (faults) => faults + random.next());
  return [...ranks.keys()].sort((a, b) => ranks[a]! - ranks[b]!);
}
