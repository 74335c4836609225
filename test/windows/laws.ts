import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { WindowPlan } from '../../engine/model/plan/window-plan.ts';
import { type Arrival, allClosed, run, shuffled, throughJson } from './course.ts';

/** Tests that hold for every window that gets its readings in order. */
export function keepsLaws<P extends WindowPlan>(plans: fc.Arbitrary<P>, arrivals: fc.Arbitrary<Arrival[]>): void {
  it('gives the same results if its state is restored from a snapshot after every reading', () => {
    fc.assert(
      fc.property(plans, arrivals, (plan, arrivals) => {
        expect(run(plan, arrivals, throughJson)).toEqual(run(plan, arrivals));
      }),
      { numRuns: 300 },
    );
  });

  it('gives the same results for any order of arrival within the lateness', () => {
    fc.assert(
      fc.property(plans, shuffled, (shape, { latenessMs, inOrder, outOfOrder }) => {
        const plan = { ...shape, latenessMs };
        const mixed = run(plan, outOfOrder);
        expect(mixed.some(({ late }) => late)).toBe(false);
        expect(allClosed(mixed)).toEqual(allClosed(run({ ...plan, latenessMs: 0 }, inOrder)));
      }),
      { numRuns: 500 },
    );
  });
}
