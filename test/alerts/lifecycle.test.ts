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

interface Times {
  readonly forMs: number;
  readonly keepFiringMs: number;
}

/** `12 hold`, `15 clear`, or `17 between`: neither holds nor clears. */
function outcomeOf(text: string): Outcome {
  const [at, what] = text.split(' ');
  return { at: Number(at), holds: what === 'hold', clears: what === 'clear' };
}

/** Changes as `12 inactive>pending since 12`. */
function play(lifecycle: Lifecycle, outcomes: readonly Outcome[]): string[] {
  let record = createAlertRecord();
  return outcomes.flatMap((outcome) => {
    const change = applyOutcome(record, lifecycle, outcome);
    record = JSON.parse(JSON.stringify(record));
    return change === undefined ? [] : [`${outcome.at} ${change.from}>${change.to} since ${change.since}`];
  });
}

const AT_ONCE = createLifecycle();
const FOR_10 = createLifecycle({ forMs: 10 });
const KEEP_10 = createLifecycle({ keepFiringMs: 10 });
const BOTH = createLifecycle({ forMs: 10, keepFiringMs: 10 });

describe('an alert', () => {
  it('waits for its whole time again if it resolved while it was unknown whether its conditions hold', () => {
    const unknown = { at: 20, holds: false, clears: true, possible: 1, undecided: 0 };
    const outcomes = [outcomeOf('0 hold'), outcomeOf('10 hold'), unknown, outcomeOf('30 hold'), outcomeOf('40 hold')];
    expect(play(FOR_10, outcomes)).toEqual([
      '0 inactive>pending since 0',
      '10 pending>firing since 0',
      '20 firing>resolved since 0',
      '30 inactive>pending since 30',
      '40 pending>firing since 30',
    ]);
  });

  it.each<[string, Lifecycle, string[], string[]]>([
    [
      'fires and resolves at once',
      AT_ONCE,
      ['1 clear', '2 hold', '3 hold', '4 clear', '5 clear', '6 hold'],
      ['2 inactive>firing since 2', '4 firing>resolved since 2', '6 inactive>firing since 6'],
    ],
    [
      'waits for its conditions to hold long enough',
      FOR_10,
      ['1 hold', '5 hold', '10 hold', '11 hold', '12 hold'],
      ['1 inactive>pending since 1', '11 pending>firing since 1'],
    ],
    [
      'returns to inactive when they stop holding, and waits again',
      FOR_10,
      ['1 hold', '9 between', '10 hold', '19 hold', '20 hold'],
      [
        '1 inactive>pending since 1',
        '9 pending>inactive since 1',
        '10 inactive>pending since 10',
        '20 pending>firing since 10',
      ],
    ],
    [
      'keeps firing between conditions and clear',
      AT_ONCE,
      ['1 hold', '2 between', '3 between', '4 hold', '5 between', '6 clear'],
      ['1 inactive>firing since 1', '6 firing>resolved since 1'],
    ],
    [
      'keeps firing until it was clearing for long enough',
      KEEP_10,
      ['1 hold', '2 clear', '11 clear', '12 clear', '13 clear'],
      ['1 inactive>firing since 1', '12 firing>resolved since 1'],
    ],
    [
      'restarts clearing when its conditions hold again',
      KEEP_10,
      ['1 hold', '2 clear', '8 hold', '12 clear', '21 clear', '22 clear'],
      ['1 inactive>firing since 1', '22 firing>resolved since 1'],
    ],
    [
      'restarts clearing when it is between conditions and clear',
      KEEP_10,
      ['1 hold', '2 clear', '8 between', '12 clear', '21 clear', '22 clear'],
      ['1 inactive>firing since 1', '22 firing>resolved since 1'],
    ],
    [
      'forgets the clearing of the previous alert',
      BOTH,
      ['0 hold', '10 hold', '11 clear', '21 clear', '30 hold', '40 hold', '41 clear', '50 clear', '51 clear'],
      [
        '0 inactive>pending since 0',
        '10 pending>firing since 0',
        '21 firing>resolved since 0',
        '30 inactive>pending since 30',
        '40 pending>firing since 30',
        '51 firing>resolved since 30',
      ],
    ],
    [
      'does not advance time with readings out of order',
      BOTH,
      ['20 hold', '5 hold', '29 hold', '30 hold', '40 clear', '25 clear', '49 clear', '50 clear'],
      ['20 inactive>pending since 20', '30 pending>firing since 20', '50 firing>resolved since 20'],
    ],
    ['does not change if conditions and clear are both met', AT_ONCE, ['1 hold'], ['1 inactive>firing since 1']],
  ])('%s', (_, lifecycle, outcomes, changes) => {
    expect(play(lifecycle, outcomes.map(outcomeOf))).toEqual(changes);
  });

  it('does not resolve while its conditions hold, even if clear is met too', () => {
    const outcomes = [1, 2, 3].map((at) => ({ at, holds: true, clears: true }));
    expect(play(AT_ONCE, outcomes)).toEqual(['1 inactive>firing since 1']);
  });

  it('is the same as a model that searches its whole history', () => {
    const outcome = fc.record({
      step: fc.integer({ min: -4, max: 8 }),
      kind: fc.constantFrom('hold', 'clear', 'between', 'both'),
    });
    const times = fc.record({ forMs: fc.constantFrom(0, 5, 12), keepFiringMs: fc.constantFrom(0, 5, 12) });
    fc.assert(
      fc.property(times, fc.array(outcome, { maxLength: 40, size: 'max' }), (times, steps) => {
        let at = 100;
        const outcomes = steps.map(({ step, kind }): Outcome => {
          at += step;
          return { at, holds: kind === 'hold' || kind === 'both', clears: kind === 'clear' || kind === 'both' };
        });
        expect(play(createLifecycle(times), outcomes)).toEqual(playNaively(times, outcomes));
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The alert by its definition: its state is computed from the run of outcomes that ends now. */
function playNaively({ forMs, keepFiringMs }: Times, outcomes: readonly Outcome[]): string[] {
  const changes: string[] = [];
  /** Index of the outcome after which the alert became inactive, or began to fire. */
  let from = 0;
  let firingSince: number | undefined;
  outcomes.forEach(({ at, holds }, i) => {
    const runOf = (isIn: (each: Outcome) => boolean) => {
      let start = i + 1;
      while (start > from && isIn(outcomes[start - 1]!)) start -= 1;
      return outcomes.slice(start, i + 1);
    };
    if (firingSince === undefined) {
      const held = runOf((each) => each.holds);
      const before = i > from && outcomes[i - 1]!.holds ? 'pending' : 'inactive';
      const since = held[0]?.at;
      if (since === undefined) {
        const pending = i > from ? outcomes.slice(from, i) : [];
        const run = pending.slice(pending.findLastIndex((each) => !each.holds) + 1);
        if (run.length > 0) changes.push(`${at} pending>inactive since ${run[0]!.at}`);
      } else if (at - since >= forMs) {
        changes.push(`${at} ${before}>firing since ${since}`);
        firingSince = since;
        from = i + 1;
      } else if (before === 'inactive') changes.push(`${at} inactive>pending since ${since}`);
      return;
    }
    const clearing = runOf((each) => each.clears && !each.holds);
    if (holds || clearing.length === 0 || at - clearing[0]!.at < keepFiringMs) return;
    changes.push(`${at} firing>resolved since ${firingSince}`);
    firingSince = undefined;
    from = i + 1;
  });
  return changes;
}
