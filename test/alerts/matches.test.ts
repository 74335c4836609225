import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createAlertRecord } from '../../engine/alerts/alert-record.ts';
import { applyOutcome } from '../../engine/alerts/lifecycle.ts';
import type { Lifecycle } from '../../engine/model/plan/lifecycle-plan.ts';
import { createLifecycle } from './lifecycles.ts';

interface Outcome {
  readonly at: number;
  readonly holds: boolean;
  readonly clears: boolean;
}

/** `x` holds, `.` clears, `-` does neither; one outcome every millisecond from 1 on. */
function outcomesOf(text: string): Outcome[] {
  return [...text].map((mark, i) => ({ at: i + 1, holds: mark === 'x', clears: mark === '.' }));
}

/** Changes as `3 pending>firing since 1`. */
function play(lifecycle: Lifecycle, outcomes: readonly Outcome[]): string[] {
  let record = createAlertRecord();
  return outcomes.flatMap((outcome) => {
    const change = applyOutcome(record, lifecycle, outcome);
    record = JSON.parse(JSON.stringify(record));
    return change === undefined ? [] : [`${outcome.at} ${change.from}>${change.to} since ${change.since}`];
  });
}

const of = (matches: number, of: number) => createLifecycle({ hold: { matches, of } });

describe('an alert that counts matches', () => {
  it.each<[string, Lifecycle, string, string[]]>([
    ['fires with the third of five', of(3, 5), 'x.x.x', ['1 inactive>pending since 1', '5 pending>firing since 1']],
    ['does not count old matches', of(3, 5), 'x.x..x', ['1 inactive>pending since 1']],
    [
      'begins at the first match that counts',
      of(3, 5),
      'x..x.xx',
      ['1 inactive>pending since 1', '7 pending>firing since 4'],
    ],
    [
      'returns to inactive when no match is left',
      of(3, 5),
      'x.....x',
      ['1 inactive>pending since 1', '6 pending>inactive since 1', '7 inactive>pending since 7'],
    ],
    ['fires at once if one match is enough', of(1, 3), '.x', ['2 inactive>firing since 2']],
    [
      'resolves when too few matches are left, and remembers these',
      of(2, 3),
      'xx..x.x..',
      [
        '1 inactive>pending since 1',
        '2 pending>firing since 1',
        '4 firing>resolved since 1',
        '5 inactive>pending since 5',
        '7 pending>firing since 5',
        '8 firing>resolved since 5',
      ],
    ],
    [
      'does not resolve while it does not clear',
      of(2, 3),
      'xx----.',
      ['1 inactive>pending since 1', '2 pending>firing since 1', '7 firing>resolved since 1'],
    ],
    [
      'is clearing for keepFiring before it resolves',
      createLifecycle({ hold: { matches: 2, of: 2 }, keepFiringMs: 3 }),
      'xx..x....',
      ['1 inactive>pending since 1', '2 pending>firing since 1', '9 firing>resolved since 1'],
    ],
  ])('%s', (_, lifecycle, outcomes, changes) => {
    expect(play(lifecycle, outcomesOf(outcomes))).toEqual(changes);
  });

  it('is the same as a model that counts over the whole history', () => {
    const hold = fc
      .integer({ min: 2, max: 6 })
      .chain((of) => fc.record({ matches: fc.integer({ min: 1, max: of }), of: fc.constant(of) }));
    const marks = fc.string({ unit: fc.constantFrom('x', 'x', '.', '.', '-'), maxLength: 60, size: 'max' });
    let fired = 0;
    fc.assert(
      fc.property(hold, marks, (hold, text) => {
        const outcomes = outcomesOf(text);
        const states = playNaively(hold, outcomes);
        fired += states.filter((state) => state === 'firing').length;
        const record = createAlertRecord();
        outcomes.forEach((outcome, i) => {
          applyOutcome(record, createLifecycle({ hold }), outcome);
          expect(record.state).toBe(states[i]);
        });
      }),
      { numRuns: 1_000 },
    );
    expect(fired).toBeGreaterThan(1_000);
  });
});

function playNaively({ matches, of }: { matches: number; of: number }, outcomes: readonly Outcome[]): string[] {
  const states: string[] = [];
  outcomes.forEach(({ holds, clears }, i) => {
    const before = states.at(-1) ?? 'inactive';
    const counted = outcomes.slice(Math.max(0, i + 1 - of), i + 1).filter((each) => each.holds).length;
    const isMet = counted >= matches;
    if (before === 'firing') states.push(isMet || holds || !clears ? 'firing' : 'inactive');
    else if (isMet) states.push('firing');
    else states.push(holds || (before === 'pending' && counted > 0) ? 'pending' : 'inactive');
  });
  return states;
}
