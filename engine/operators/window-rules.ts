import type { Item } from '../model/item/item.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { StreamPlan } from '../model/plan/plan.ts';
import type { WindowRule } from '../model/plan/rule-plan.ts';
import type { Cause } from '../model/reading.ts';
import type { DeviceState } from '../state/device.ts';
import type { KeyState } from '../state/key.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';
import { windows } from '../windows/registry.ts';
import { quietUntil, type Watermark } from '../windows/watermark.ts';
import type { WindowKind, WindowOutcome, WindowState } from '../windows/window-kind.ts';

/** The window rules of one stream, with all that the functions below need; made once, before the first record. */
export interface StreamWindows {
  readonly plan: StreamPlan;
  readonly stream: StreamState;
  readonly counters: Counters;
  /** How far a device's clock may be behind its group's before the group continues without it; milliseconds. */
  readonly maxBehindMs: number;
  /** How many watermarks the groups of one keying may have in total. */
  readonly maxWatermarks: number;
  /** In the order of the stream's `windowRules`. */
  readonly rules: readonly KindedRule[];
  /** The keyings that have window rules, in the order of the stream's keyings. */
  readonly groupings: readonly Grouping[];
  /** By keying: its window rules, in their order. */
  readonly rulesOf: readonly (readonly KindedRule[])[];
  readonly scratch: Scratch;
}

/** A window rule, with the kind of its window. */
export interface KindedRule {
  readonly rule: WindowRule;
  readonly kind: WindowKind;
  /** Position in the stream's `windowRules`. */
  readonly position: number;
}

/** The window rules that group readings in the same way. */
interface Grouping {
  readonly keying: Keying;
  readonly rules: readonly KindedRule[];
}

/** Space that is used again for each reading, key and tick. It holds nothing between them. */
interface Scratch {
  readonly outcome: WindowOutcome;
  /** Positions of the rules to show the reading to; as long as the stream's `windowIndex` asks for. */
  readonly selected: Int32Array;
  /** By keying: the watermark of the reading's device. Undefined: no rule has this keying, or there is no room. */
  readonly marks: (Watermark | undefined)[];
  /** Event times of the devices of a group. */
  readonly eventTimes: number[];
}

/**
 * How many watermarks the groups of one keying may have, as a multiple of the larger of `limits.devices` and `limits.keys`. A device has
 * one in each group that it was ever in.
 */
const GROUPS_PER_DEVICE = 4;

/** Prepares the window rules of one stream. */
export function createStreamWindows(
  plan: StreamPlan,
  stream: StreamState,
  maxBehindMs: number,
  counters: Counters,
): StreamWindows {
  const { limits } = plan.config;
  const rules = plan.windowRules.map((rule, position) => ({ rule, kind: windows[rule.window.kind], position }));
  const rulesOf = plan.keyings.map(({ index }) => rules.filter(({ rule }) => rule.keying.index === index));
  return {
    plan,
    stream,
    counters,
    maxBehindMs,
    maxWatermarks: GROUPS_PER_DEVICE * Math.max(limits.devices, limits.keys),
    rules,
    groupings: plan.keyings
      .map((keying) => ({ keying, rules: rulesOf[keying.index]! }))
      .filter((grouping) => grouping.rules.length > 0),
    rulesOf,
    scratch: {
      outcome: { closed: [], takenEarly: 0 },
      selected: new Int32Array(plan.windowIndex?.always.length ?? 0),
      marks: plan.keyings.map(() => undefined),
      eventTimes: [],
    },
  };
}

/** Whether the last calls of the window's kind had results. */
export function hasOutcome({ closed, takenEarly }: WindowOutcome): boolean {
  return closed.length > 0 || takenEarly > 0;
}

/** Passes on the windows that have closed, counts, and clears the outcome. */
export function passOutcome(
  { counters, scratch: { outcome } }: StreamWindows,
  { index }: WindowRule,
  key: KeyState,
  { offset, receivedAt, connection, liveMs }: Cause,
  out: Item[],
): void {
  counters.readings_hurried += outcome.takenEarly;
  counters.windows_closed += outcome.closed.length;
  for (const closed of outcome.closed) {
    out.push({ kind: 'closed', offset, receivedAt, connection, liveMs, rule: index, key, ...closed });
  }
  outcome.closed.length = 0;
  outcome.takenEarly = 0;
}

/** Live time at which the window of a quiet device may be due. */
export function dueLiveMs({ rule, kind }: KindedRule, own: WindowState, mark: Watermark, graceMs: number): number {
  return quietUntil(mark, kind.dueAt(own, rule.window) + rule.window.latenessMs, graceMs);
}

/** Makes sure that the timer of a device runs out at this live time, or before. */
export function wakeAt({ windowTimers }: StreamState, device: DeviceState, liveMs: number): void {
  if (liveMs >= device.windowWakeMs) return;
  device.windowWakeMs = liveMs;
  windowTimers.schedule(device);
}
