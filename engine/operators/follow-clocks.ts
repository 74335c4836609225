import { followKeyClock, MAX_GAIN_MS, setKeyClock } from '../devices/key-clock.ts';
import { LONGEST_STEP_MS } from '../devices/liveness.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { ClockJump, Reading } from '../model/reading.ts';
import { placeOf } from '../state/directory.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { liftPassing } from './lift.ts';

/** What `followClocks` needs for one level of streams. */
export interface FollowClocksOptions {
  readonly plan: Plan;
  readonly state: State;
  /** See `StreamPlan.level`; readings of other levels pass. */
  readonly level: number;
  /** Called when the clock of a device has jumped ahead, with the event time of the device's previous reading. */
  readonly onJump?: ((reading: Reading, from: number) => void) | undefined;
  readonly counters: Counters;
}

/**
 * Detects jumps of a key's event time ahead, and marks the reading that jumps (`Reading.jumps`). Each later step then forgets the waits of the
 * key and starts again, since it is unknown how much time has really passed. A stream without a time of its own jumps with the clock of the
 * host.
 */
export const followClocks = ({ plan, state, level, onJump, counters }: FollowClocksOptions) => {
  const maxGains = plan.streams.map(maxGainOf);
  const timeless = plan.streams.map((stream) => isTimeless(plan, stream));
  const isOwn = plan.streams.map((stream) => stream.level === level);
  const hasClock = plan.streams.map(({ origin, config }) => origin.kind === 'devices' && config.time !== undefined);
  return liftPassing((item) => {
    if (item.kind === 'mark') {
      state.steppedMs[level]! += item.steppedMs ?? 0;
      return;
    }
    if (item.kind !== 'reading' || !isOwn[item.stream]!) return;
    const { stream } = item;
    const place = placeOf(item);
    // A retained reading says nothing about the present clock of its device.
    if (place === undefined || item.retained) return;
    const steppedMs = state.steppedMs[level]!;
    const { time: at, receivedAt } = item;
    const hasStamp = !timeless[stream]! && !item.clamped;
    let jumps: ClockJump[] | undefined;
    for (let i = 0; i < place.keyings; i++) {
      const key = place.key(i);
      if (key === undefined) continue;
      const from = key.clockAt;
      if (Number.isNaN(from)) {
        setKeyClock(key, at, receivedAt, hasStamp ? -1 : steppedMs);
        continue;
      }
      if (followKeyClock(key, at, receivedAt, steppedMs, hasStamp, maxGains[stream]!)) {
        (jumps ??= []).push({ keying: i, from });
      }
    }
    if (jumps === undefined) return;
    item.jumps = jumps;
    if (!hasClock[stream]! || jumps[0]!.keying !== 0) return;
    counters.device_clock_jumps += 1;
    onJump?.(item, jumps[0]!.from);
  });
};

/** Whether the event time of all readings of a stream is their receive time. */
function isTimeless(plan: Plan, { origin, config }: StreamPlan): boolean {
  if (origin.kind === 'devices') return config.time === undefined;
  if (origin.kind === 'view') return isTimeless(plan, plan.streams[plan.rules[origin.rule]!.stream]!);
  return isTimeless(plan, plan.streams[origin.of]!) && isTimeless(plan, plan.streams[origin.with]!);
}

/**
 * How far event time may run ahead of receive time before it counts as a jump, milliseconds. Results of windows come later than their event time,
 * by a delay that varies by up to `MAX_GAIN_MS`.
 */
function maxGainOf({ origin, config }: StreamPlan): number {
  if (origin.kind !== 'devices') return 2 * MAX_GAIN_MS;
  return config.time === undefined ? LONGEST_STEP_MS : MAX_GAIN_MS;
}
