import { count } from '../../engine/aggregates/count.ts';
import { max } from '../../engine/aggregates/max.ts';
import { mean } from '../../engine/aggregates/mean.ts';
import type { WindowAggregate, WindowPlan } from '../../engine/model/plan/window-plan.ts';
import type { Reading } from '../../engine/model/reading.ts';
import { windows } from '../../engine/windows/registry.ts';
import type { WindowOutcome } from '../../engine/windows/window-kind.ts';
import type { BenchCase, BenchResult } from './bench.ts';

const OVERLAPS = [1, 10, 60, 600] as const;
/** A window starts every second, and a reading arrives every 100 ms, so the longest windows are full after a twentieth of the readings. */
const EVERY_MS = 1_000;
const STEP_MS = 100;
const READINGS = 120_000;
const ROUNDS = 5;
const START_AT = 1_769_860_800_000;

const aggregates: readonly WindowAggregate[] = [
  { aggregate: count, field: -1 },
  { aggregate: mean, field: 0 },
  { aggregate: max, field: 0 },
];

/**
 * The cost of a reading of one device in hopping windows that overlap 1, 10, 60 and 600 times, including their closing, and in sliding
 * windows of the same lengths, which are evaluated at each reading. The baseline is the hopping window without overlap.
 */
export const overlap: BenchCase = {
  name: 'overlap',
  summary: 'cost of a reading in hopping windows by how many overlap, and in sliding ones of the same length',
  run: async () => {
    const common = { latenessMs: 0, aggregates };
    const cases = [
      ...OVERLAPS.map((n): readonly [string, WindowPlan] => [
        `hopping, ${n} ${n === 1 ? 'overlap' : 'overlaps'}`,
        { ...common, kind: 'hopping', sizeMs: n * EVERY_MS, everyMs: EVERY_MS },
      ]),
      ...OVERLAPS.map((n): readonly [string, WindowPlan] => [
        `sliding, ${n * EVERY_MS} ms`,
        { ...common, kind: 'sliding', sizeMs: n * EVERY_MS },
      ]),
    ];
    const readings = Array.from({ length: READINGS }, (_, i) => readingOf(START_AT + i * STEP_MS, (i * 7_919) % 1_000));
    // The fastest of several rounds counts. Each round has all cases, so that other load affects them equally.
    const costs = cases.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < ROUNDS; round++) {
      cases.forEach(([, plan], i) => {
        costs[i] = Math.min(costs[i]!, costOf(plan, readings));
      });
    }
    return cases.map(([name], i): BenchResult => {
      const [value, baseline] = [costs[i]!, costs[0]!];
      return {
        case: name,
        value: Math.round(value),
        baseline: Math.round(baseline),
        ratio: value / baseline,
        unit: 'ns per reading',
      };
    });
  },
};

/** Average time per reading in nanoseconds. */
function costOf(plan: WindowPlan, readings: readonly Reading[]): number {
  const kind = windows[plan.kind];
  const state = kind.create();
  const out: WindowOutcome = { closed: [], takenEarly: 0 };
  let closed = 0;
  const before = process.hrtime.bigint();
  for (const reading of readings) {
    kind.close(state, plan, reading.time, out);
    kind.pass(state, plan, reading.time);
    kind.add(state, plan, reading, out);
    closed += out.closed.length;
    out.closed.length = 0;
  }
  const spent = Number(process.hrtime.bigint() - before);
  if (closed < readings.length / 11) throw new Error(`only ${closed} windows closed`);
  return spent / readings.length;
}

function readingOf(time: number, value: number): Reading {
  const at = { receivedAt: time, connection: 0, offset: 0, idHigh: 0, idLow: 0, liveMs: 0 };
  const flags = { attributes: undefined, extra: undefined, clamped: false, late: false };
  return { kind: 'reading', stream: 0, device: 'd', labels: [], time, values: [value], ...at, ...flags };
}
