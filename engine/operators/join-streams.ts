import type { FieldValue } from '../model/field.ts';
import type { Item } from '../model/item/item.ts';
import type { CorrelationOrigin, LastJoin, Plan, StreamPlan, WindowJoin } from '../model/plan/plan.ts';
import { madeReading, type Reading } from '../model/reading.ts';
import { lookUpDevice } from '../state/directory.ts';
import { keyText } from '../state/key.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { forgetOld, type LastKnown, rememberReading, valuesNear } from '../windows/last-known.ts';
import type { Step } from './lift.ts';

/** What a correlation does with a reading of one of its streams. */
type Taker = (reading: Reading, out: Item[]) => void;

/** Both sides of a correlation. */
interface Sides {
  readonly own: Taker;
  readonly other: Taker;
}

/**
 * Makes the readings of the correlations of a level out of those of the streams below. Each takes its time, place in the journal and
 * live time from the reading that causes it, and is a reading of its own: that it is late says nothing of the other. What there is no room
 * for is left out here. Undefined where the level has no correlation.
 */
export function joinStreams(plan: Plan, state: State, level: number, counters: Counters): Step | undefined {
  const takers: Taker[][] = plan.streams.map(() => []);
  const swept: { readonly last: LastKnown; readonly lastMs: number }[] = [];
  let some = false;
  for (const stream of plan.streams) {
    const { origin, index } = stream;
    if (stream.level !== level || origin.kind !== 'correlation') continue;
    some = true;
    const { join } = origin;
    const last = state.streams[index]!.lastKnown;
    const { own, other } =
      join.kind === 'last'
        ? joinLast(plan, stream, origin, join, last, counters)
        : joinWindow(plan, stream, origin, join, admit(plan, state, index, counters));
    takers[origin.of]!.push(own);
    takers[origin.with]!.push(other);
    if (join.kind === 'last') swept.push({ last, lastMs: join.lastMs });
  }
  if (!some) return undefined;
  return (item, out) => {
    if (item.kind === 'reading') {
      const own = takers[item.stream]!;
      for (let i = 0; i < own.length; i++) own[i]!(item, out);
    } else if (item.kind === 'tick') {
      for (const { last, lastMs } of swept) forgetOld(last, item, lastMs);
    }
  };
}

/** Lets a reading of a stream in that there is room for. */
function admit(plan: Plan, state: State, index: number, counters: Counters): Taker {
  return (reading, out) => {
    const device = lookUpDevice(plan.streams[index]!, state.streams[index]!, reading.device, reading.labels);
    if (device === undefined || device.keys.includes(undefined)) counters.readings_over_key_limit += 1;
    if (device !== undefined) out.push(reading);
  };
}

function joinLast(
  plan: Plan,
  { index }: StreamPlan,
  origin: CorrelationOrigin,
  { lastMs, parts, otherParts }: LastJoin,
  last: LastKnown,
  counters: Counters,
): Sides {
  const { devices, keys } = plan.streams[origin.with]!.config.limits;
  const most = Math.max(devices, keys);
  const absent = absentOf(plan, origin.with);
  return {
    own: (reading, out) => {
      const known = valuesNear(last, keyOf(parts, reading), reading.time, lastMs);
      const values = reading.values.concat(known ?? absent);
      out.push(readingOf(reading, index, reading.device, reading.labels, values));
    },
    other: (reading) => {
      if (!rememberReading(last, keyOf(otherParts, reading), reading, most)) counters.readings_over_key_limit += 1;
    },
  };
}

function joinWindow(
  plan: Plan,
  { index, keyings }: StreamPlan,
  origin: CorrelationOrigin,
  join: WindowJoin,
  take: Taker,
): Sides {
  const absent = absentOf(plan, origin.with);
  const ownAbsent = absentOf(plan, origin.of);
  const { parts } = keyings[0]!;
  return {
    own: (reading, out) => {
      take(readingOf(reading, index, reading.device, reading.labels, reading.values.concat(absent)), out);
    },
    other: (reading, out) => {
      const labels = labelsOf(join.labels, reading);
      // Where keys of a view stand for devices, one must be called as its key is: by that its clock is found.
      const device = origin.hasDevice ? partOf(join.device ?? -1, reading) : keyText(partsOf(parts, labels));
      take(readingOf(reading, index, device, labels, ownAbsent.concat(reading.values)), out);
    },
  };
}

function absentOf(plan: Plan, stream: number): readonly (FieldValue | undefined)[] {
  return plan.streams[stream]!.config.fields.map(() => undefined);
}

function keyOf(parts: readonly number[], reading: Reading): string {
  if (parts.length === 1) return partOf(parts[0]!, reading);
  return keyText(parts.map((part) => partOf(part, reading)));
}

function partOf(part: number, { device, labels }: Reading): string {
  return part < 0 ? device : (labels[part] ?? '');
}

function partsOf(parts: readonly number[], labels: readonly string[]): string[] {
  return parts.map((part) => labels[part] ?? '');
}

/** A label that the reading has not is a hole, so that it has no value in conditions. */
function labelsOf(places: readonly (number | undefined)[], reading: Reading): readonly string[] {
  const labels: string[] = [];
  labels.length = places.length;
  for (let i = 0; i < places.length; i++) {
    const place = places[i];
    if (place !== undefined) labels[i] = partOf(place, reading);
  }
  return labels;
}

function readingOf(
  cause: Reading,
  stream: number,
  device: string,
  labels: readonly string[],
  values: Reading['values'],
): Reading {
  return madeReading(cause, { stream, device, labels, time: cause.time, values }, cause.clamped, cause.attributes);
}
