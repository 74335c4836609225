import type { FieldValue } from '../model/field.ts';
import type { Item } from '../model/item/item.ts';
import type { CorrelationOrigin, LastJoin, Plan, StreamPlan, WindowJoin } from '../model/plan/plan.ts';
import { madeReading, type Reading } from '../model/reading.ts';
import { hasNoRoom } from '../state/device.ts';
import { placeReading } from '../state/directory.ts';
import { keyText } from '../state/key.ts';
import type { State } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';
import { forgetOld, rememberReading, valuesNear } from '../windows/last-known.ts';
import type { Step } from './lift.ts';

/** Takes a reading of one of a correlation's streams, and appends the readings that the correlation makes from it. */
type Taker = (reading: Reading, out: Item[]) => void;

/** Both sides of a correlation. */
interface Sides {
  readonly own: Taker;
  readonly other: Taker;
}

/**
 * Makes the readings of the correlations of a level from the readings of the streams below. Each takes its time, offset and live time from the
 * reading that causes it. It is a separate reading: if it is late, the other one need not be. Readings that there is no room for are left
 * out here. Undefined if the level has no correlation.
 */
export function joinStreams(plan: Plan, state: State, level: number, counters: Counters): Step | undefined {
  const takers: Taker[][] = plan.streams.map(() => []);
  const swept: { readonly state: StreamState; readonly lastMs: number }[] = [];
  let some = false;
  for (const stream of plan.streams) {
    const { origin, index } = stream;
    if (stream.level !== level || origin.kind !== 'correlation') continue;
    some = true;
    const { join } = origin;
    const { own, other } =
      join.kind === 'last'
        ? joinLast(plan, stream, origin, join, state.streams[index]!, counters)
        : joinWindow(plan, stream, origin, join, admit(plan, state, index, counters));
    takers[origin.of]!.push(own);
    takers[origin.with]!.push(other);
    if (join.kind === 'last') swept.push({ state: state.streams[index]!, lastMs: join.lastMs });
  }
  if (!some) return undefined;
  return (item, out) => {
    if (item.kind === 'reading') {
      const own = takers[item.stream]!;
      for (let i = 0; i < own.length; i++) own[i]!(item, out);
    } else if (item.kind === 'tick') {
      for (const { state, lastMs } of swept) forgetOld(state.lastKnown, item, lastMs, state.changedKnown);
    }
  };
}

/** Passes the readings of a stream that there is room for. */
function admit(plan: Plan, state: State, index: number, counters: Counters): Taker {
  return (reading, out) => {
    const place = placeReading(plan.streams[index]!, state.streams[index]!, reading);
    if (place === undefined || hasNoRoom(place)) counters.readings_over_key_limit += 1;
    if (place !== undefined) out.push(reading);
  };
}

function joinLast(
  plan: Plan,
  stream: StreamPlan,
  origin: CorrelationOrigin,
  { lastMs, parts, otherParts }: LastJoin,
  state: StreamState,
  counters: Counters,
): Sides {
  const { devices, keys } = plan.streams[origin.with]!.config.limits;
  const maxKnown = Math.max(devices, keys);
  const absent = absentOf(plan, origin.with);
  const { lastKnown: last, changedKnown } = state;
  return {
    own: (reading, out) => {
      const known = valuesNear(last, keyOf(parts, reading), reading.time, lastMs);
      const values = reading.values.concat(known ?? absent);
      const made = readingOf(reading, stream.index, reading.device, reading.labels, values);
      placeReading(stream, state, made);
      out.push(made);
    },
    other: (reading) => {
      const text = keyOf(otherParts, reading);
      if (!rememberReading(last, text, reading, maxKnown, changedKnown)) counters.readings_over_key_limit += 1;
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
      // If keys of a view are the devices, a device must have the name of its key, by which its clock is found.
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

/** Labels of a reading. A label that it does not have is a hole in the array, so that the label has no value in conditions. */
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
