import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AlertRecord, createAlertRecord } from '../../engine/alerts/alert-record.ts';
import { applyOutcome, endAlert, mustWatch } from '../../engine/alerts/lifecycle.ts';
import type { LevelPlan, Lifecycle } from '../../engine/model/plan/lifecycle-plan.ts';
import { createLifecycle } from './lifecycles.ts';

interface Outcome {
  readonly at: number;
  readonly holds: boolean;
  readonly clears: boolean;
  readonly reached: number;
  readonly clearing: number;
  readonly possible?: number;
  readonly undecided?: number;
}

/** `12 2` reaches level 2 at 12; `15 1 may leave 2` also says which levels may be left; default: those not reached. */
function outcomeOf(text: string): Outcome {
  const [, at, level, leave] = /^(\d+) (\d)(?: may leave ?([\d ]*))?$/.exec(text)!;
  const reached = Number(level);
  const left =
    leave === undefined ? [1, 2, 3].filter((each) => each > reached) : leave.split(' ').filter(Boolean).map(Number);
  return createOutcome(
    Number(at),
    reached,
    left.reduce((bits, each) => bits | (1 << (each - 1)), 0),
  );
}

function createOutcome(at: number, reached: number, clearing: number): Outcome {
  return { at, holds: reached > 0, clears: reached === 0, reached, clearing };
}

const ladder = (keepFiringMs: number, ...holds: LevelPlan['hold'][]): Lifecycle => {
  const severities = ['info', 'warning', 'critical'] as const;
  return createLifecycle({ keepFiringMs, levels: holds.map((hold, i) => ({ severity: severities[i]!, hold })) });
};

/** Changes as `12 inactive 0>firing 2 since 10`. */
function play(lifecycle: Lifecycle, outcomes: readonly Outcome[]): string[] {
  let record = createAlertRecord();
  return outcomes.flatMap((outcome) => {
    const change = applyOutcome(record, lifecycle, outcome);
    record = JSON.parse(JSON.stringify(record));
    if (change === undefined) return [];
    const { from, to, fromLevel, toLevel, since } = change;
    return [`${outcome.at} ${from} ${fromLevel}>${to} ${toLevel} since ${since}`];
  });
}

const now = { forMs: 0 };
const for10 = { forMs: 10 };

describe('an alert of several levels', () => {
  it('does not change by an outcome that does not hold, before its conditions have held', () => {
    for (const hold of [now, for10, { matches: 2, of: 3 }]) {
      const record = createAlertRecord();
      expect(applyOutcome(record, ladder(0, hold, hold), outcomeOf('1 0'))).toBeUndefined();
      expect(record).toEqual(createAlertRecord());
    }
  });

  it.each<[string, Lifecycle, string[], string[]]>([
    [
      'rises and falls one by one, as one alert',
      ladder(0, now, now, now),
      ['1 1', '2 2', '3 3', '4 3', '5 2', '6 1', '7 0', '8 0'],
      [
        '1 inactive 0>firing 1 since 1',
        '2 firing 1>firing 2 since 1',
        '3 firing 2>firing 3 since 1',
        '5 firing 3>firing 2 since 1',
        '6 firing 2>firing 1 since 1',
        '7 firing 1>resolved 0 since 1',
      ],
    ],
    [
      'goes to the highest at once, and from there to none',
      ladder(0, now, now, now),
      ['1 3', '2 0'],
      ['1 inactive 0>firing 3 since 1', '2 firing 3>resolved 0 since 1'],
    ],
    [
      'waits at every level',
      ladder(0, for10, for10),
      ['0 1', '5 2', '10 2', '14 2', '15 2'],
      ['0 inactive 0>pending 0 since 0', '10 pending 0>firing 1 since 0', '15 firing 1>firing 2 since 0'],
    ],
    [
      'waits again at a higher level that did not hold',
      ladder(0, now, for10),
      ['0 2', '9 1', '10 2', '19 2', '20 2'],
      ['0 inactive 0>firing 1 since 0', '20 firing 1>firing 2 since 0'],
    ],
    [
      'does not wait at a lower level if the higher one has no wait',
      ladder(0, for10, now),
      ['0 1', '5 2', '6 1', '7 0'],
      [
        '0 inactive 0>pending 0 since 0',
        '5 pending 0>firing 2 since 0',
        '6 firing 2>firing 1 since 0',
        '7 firing 1>resolved 0 since 0',
      ],
    ],
    [
      'stays at a level until the level clears',
      ladder(0, now, now),
      ['0 2', '1 1 may leave', '2 0 may leave 1', '3 0 may leave 1 2'],
      ['0 inactive 0>firing 2 since 0', '3 firing 2>resolved 0 since 0'],
    ],
    [
      'keeps each level for keepFiring, all levels at the same time',
      ladder(10, now, now),
      ['0 2', '5 0', '14 0', '15 0'],
      ['0 inactive 0>firing 2 since 0', '15 firing 2>resolved 0 since 0'],
    ],
    [
      'leaves the levels that were clearing for long enough',
      ladder(10, now, now),
      ['0 2', '5 1', '9 0', '15 0', '18 0', '19 0'],
      ['0 inactive 0>firing 2 since 0', '15 firing 2>firing 1 since 0', '19 firing 1>resolved 0 since 0'],
    ],
    [
      'counts matches by level',
      ladder(0, now, { matches: 2, of: 3 }),
      ['1 2', '2 1', '3 2', '4 1', '5 1'],
      ['1 inactive 0>firing 1 since 1', '3 firing 1>firing 2 since 1', '4 firing 2>firing 1 since 1'],
    ],
  ])('%s', (_, lifecycle, outcomes, changes) => {
    expect(play(lifecycle, outcomes.map(outcomeOf))).toEqual(changes);
  });

  it('forgets everything when it is ended', () => {
    const record = createAlertRecord();
    const lifecycle = ladder(0, { matches: 2, of: 3 }, for10);
    expect(endAlert(record)).toBeUndefined();
    applyOutcome(record, lifecycle, createOutcome(1, 2, 0));
    expect(endAlert(record)).toMatchObject({ from: 'pending', to: 'inactive' });
    expect(mustWatch(record)).toBe(false);
    applyOutcome(record, lifecycle, createOutcome(2, 2, 0));
    expect(record.state).toBe('pending');
    applyOutcome(record, lifecycle, createOutcome(3, 1, 0));
    expect(endAlert(record)).toMatchObject({ from: 'firing', to: 'resolved', fromLevel: 1, toLevel: 0 });
  });

  const hold = fc.oneof(
    fc.record({ forMs: fc.constantFrom(0, 0, 5, 12) }),
    fc.constantFrom({ matches: 2, of: 3 }, { matches: 3, of: 5 }, { matches: 1, of: 2 }),
  );
  const lifecycles = fc
    .tuple(fc.constantFrom(0, 0, 6), fc.array(hold, { minLength: 1, maxLength: 3 }))
    .map(([keepFiringMs, holds]) => ladder(keepFiringMs, ...holds));
  const histories = fc
    .array(
      fc.record({
        step: fc.integer({ min: -3, max: 8 }),
        reached: fc.constantFrom(0, 0, 1, 2, 3),
        clearing: fc.nat(7),
      }),
      { maxLength: 50, size: 'max' },
    )
    .map((steps) => {
      let at = 100;
      return steps.map(({ step, reached, clearing }) => createOutcome((at += step), reached, clearing));
    });

  it('is the same as a model that searches its whole history', () => {
    const levels = new Set<number>();
    fc.assert(
      fc.property(lifecycles, histories, (lifecycle, outcomes) => {
        const record = createAlertRecord();
        const model = playNaively(lifecycle, outcomes);
        outcomes.forEach((outcome, i) => {
          applyOutcome(record, lifecycle, outcome);
          levels.add(record.level);
          expect(record.level).toBe(model[i]);
        });
      }),
      { numRuns: 2_000 },
    );
    expect([...levels].sort()).toEqual([0, 1, 2, 3]);
  });

  it('is not changed by an unknown outcome', () => {
    const unknown = (at: number): Outcome => ({
      at,
      holds: false,
      clears: false,
      reached: 0,
      possible: 3,
      clearing: 0,
      undecided: 7,
    });
    let changes = 0;
    fc.assert(
      fc.property(lifecycles, histories, fc.infiniteStream(fc.nat(2)), (lifecycle, outcomes, between) => {
        const [plain, mixed] = [createAlertRecord(), createAlertRecord()];
        for (const outcome of outcomes) {
          for (let n = between.next().value!; n > 0; n--) {
            expect(applyOutcome(mixed, lifecycle, unknown(outcome.at))).toBeUndefined();
          }
          const change = applyOutcome(plain, lifecycle, outcome);
          expect(applyOutcome(mixed, lifecycle, outcome)).toEqual(change);
          if (change !== undefined) changes += 1;
        }
      }),
      { numRuns: 500 },
    );
    expect(changes).toBeGreaterThan(1_000);
  });

  it('is the same without the outcomes that it does not watch', () => {
    let left = 0;
    fc.assert(
      fc.property(lifecycles, histories, (lifecycle, outcomes) => {
        const [whole, part] = [createAlertRecord(), createAlertRecord()];
        for (const outcome of outcomes) {
          const change = applyOutcome(whole, lifecycle, outcome);
          let seen: ReturnType<typeof applyOutcome>;
          if (outcome.holds || mustWatch(part)) seen = applyOutcome(part, lifecycle, outcome);
          else left += 1;
          expect(seen).toEqual(change);
        }
        expect(withoutLevels(part)).toEqual(withoutLevels(whole));
      }),
      { numRuns: 1_000 },
    );
    expect(left).toBeGreaterThan(1_000);
  });
});

function withoutLevels({ levels: _levels, ...record }: AlertRecord): object {
  return record;
}

/** The level by its definition: computed from the history, by how long or often each level held, and how long it was clearing. */
function playNaively({ levels, keepFiringMs }: Lifecycle, outcomes: readonly Outcome[]): number[] {
  const result: number[] = [];
  outcomes.forEach(({ at }, i) => {
    const before = result[i - 1] ?? 0;
    const runSince = (from: number, isIn: (each: Outcome) => boolean): number | undefined => {
      let start = i + 1;
      while (start > from && isIn(outcomes[start - 1]!)) start -= 1;
      return start > i ? undefined : outcomes[start]!.at;
    };
    const isMet = (k: number, upTo: number): boolean => {
      const { hold } = levels[k - 1]!;
      if ('matches' in hold) {
        const last = outcomes.slice(Math.max(0, upTo + 1 - hold.of), upTo + 1);
        return last.filter((each) => each.reached >= k).length >= hold.matches;
      }
      const since = runSince(0, (each) => each.reached >= k);
      return since !== undefined && at - since >= hold.forMs;
    };
    const met = levels.findLastIndex((_, k) => isMet(k + 1, i)) + 1;
    let level = before;
    if (met > before) level = met;
    while (met <= before && level > 0) {
      const k = level;
      // The outcome after which the alert was always at this level or higher.
      const from = result.findLastIndex((each) => each < k) + 2;
      const clearing = (each: Outcome) =>
        each.reached < k && (each.clearing & (1 << (k - 1))) !== 0 && !isMatched(levels[k - 1]!, k, each);
      const since = runSince(from, clearing);
      if (since === undefined || at - since < keepFiringMs) break;
      level -= 1;
    }
    result.push(level);
  });
  return result;

  function isMatched({ hold }: LevelPlan, k: number, each: Outcome): boolean {
    if (!('matches' in hold)) return false;
    const i = outcomes.indexOf(each);
    return (
      outcomes.slice(Math.max(0, i + 1 - hold.of), i + 1).filter(({ reached }) => reached >= k).length >= hold.matches
    );
  }
}
