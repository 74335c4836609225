import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Change } from '../../engine/alerts/alert-record.ts';
import { createNoiseRecord, type NoiseRecord } from '../../engine/alerts/alert-record.ts';
import { advanceAlertClock, createAlertClock } from '../../engine/alerts/clock.ts';
import {
  admit,
  decideToPublish,
  endPeriod,
  isStable,
  type LimitState,
  type PublishDecision,
} from '../../engine/alerts/noise.ts';
import type { Lifecycle } from '../../engine/model/plan/lifecycle-plan.ts';
import { createLifecycle } from './lifecycles.ts';

const FIRES: Change = { from: 'inactive', to: 'firing', since: 0, fromLevel: 0, toLevel: 1 };
const RISES: Change = { from: 'firing', to: 'firing', since: 0, fromLevel: 1, toLevel: 2 };
const FALLS: Change = { from: 'firing', to: 'firing', since: 0, fromLevel: 2, toLevel: 1 };
const RESOLVES: Change = { from: 'firing', to: 'resolved', since: 0, fromLevel: 1, toLevel: 0 };
const CHANGES = { fires: FIRES, rises: RISES, falls: FALLS, resolves: RESOLVES };

/** `a fires 12` at 12 on the clock; `tick 20` ends periods. The decision about each: `published`, `flapping`, or why it was suppressed. */
function play(lifecycle: Lifecycle, steps: readonly string[]): string[] {
  const noises = new Map<string, NoiseRecord>();
  const limited: LimitState = { limit: undefined };
  return steps.map((step) => {
    const [key, what, time] = step.split(' ') as [string, keyof typeof CHANGES, string];
    if (key === 'tick') {
      const period = endPeriod(limited, lifecycle.limit, Number(what));
      return period === undefined
        ? '-'
        : `${period.told} published, ${period.heldBack} suppressed: ${period.keys.join()}`;
    }
    const noise = noises.get(key) ?? createNoiseRecord();
    const decision = decideToPublish(noise, lifecycle, limited, CHANGES[what], key, { elapsedMs: Number(time), at: 0 });
    noises.set(key, JSON.parse(JSON.stringify(noise)));
    return describeDecision(decision);
  });
}

function describeDecision({ suppressed, flapping }: PublishDecision): string {
  const held = suppressed === 'limit' ? 'limit' : suppressed && 'suppressed';
  return [flapping && 'flapping', held].filter(Boolean).join(', ') || 'published';
}

describe('published events', () => {
  const limit = createLifecycle({ limit: { alerts: 2, perMs: 10 } });
  const flapping = createLifecycle({ flapping: { changes: 3, withinMs: 10 } });

  it.each<[string, Lifecycle, string[], string[]]>([
    [
      'are all events by default',
      createLifecycle(),
      ['a fires 0', 'a resolves 0', 'a fires 0'],
      ['published', 'published', 'published'],
    ],
    [
      'are at most the limit in a period, which begins with the first alert',
      limit,
      ['a fires 5', 'b fires 6', 'c fires 7', 'tick 14', 'd fires 14', 'tick 15', 'e fires 15'],
      ['published', 'published', 'limit', '-', 'limit', '2 published, 2 suppressed: c,d', 'published'],
    ],
    [
      'have no summary of a period without suppressed alerts',
      limit,
      ['a fires 5', 'b fires 6', 'tick 15'],
      ['published', 'published', '-'],
    ],
    [
      'include the end of a published alert, and not of a suppressed one',
      limit,
      ['a fires 0', 'b fires 0', 'c fires 0', 'a resolves 1', 'c resolves 1', 'a fires 2'],
      ['published', 'published', 'limit', 'published', 'limit', 'limit'],
    ],
    [
      'include each rise and fall of a published alert',
      limit,
      ['a fires 0', 'b fires 0', 'a rises 1', 'a falls 2', 'a rises 3'],
      ['published', 'published', 'published', 'published', 'published'],
    ],
    [
      'include the rise of a suppressed alert when the limit has room',
      limit,
      ['a fires 0', 'b fires 0', 'c fires 1', 'c rises 2', 'tick 10', 'c falls 11', 'c rises 12', 'c resolves 13'],
      ['published', 'published', 'limit', 'limit', '2 published, 2 suppressed: c', 'limit', 'published', 'published'],
    ],
    [
      'include the change that makes an alert flap, and no later change',
      flapping,
      ['a fires 0', 'a resolves 5', 'a fires 10', 'a resolves 11', 'a fires 50'],
      ['published', 'published', 'flapping', 'suppressed', 'suppressed'],
    ],
    [
      'include all changes of an alert that changes less often',
      flapping,
      ['a fires 0', 'a resolves 5', 'a fires 11', 'a resolves 16', 'a fires 22'],
      ['published', 'published', 'published', 'published', 'published'],
    ],
    [
      'count flapping for each alert',
      flapping,
      ['a fires 0', 'b fires 0', 'a resolves 1', 'b resolves 1', 'a rises 2'],
      ['published', 'published', 'published', 'published', 'flapping'],
    ],
    [
      'do not include the flapping of a suppressed alert, unless the limit has room',
      createLifecycle({ limit: { alerts: 1, perMs: 10 }, flapping: { changes: 3, withinMs: 10 } }),
      ['a fires 0', 'b fires 1', 'b resolves 2', 'b fires 3', 'b resolves 4'],
      ['published', 'limit', 'limit', 'flapping, limit', 'suppressed'],
    ],
  ])('%s', (_, lifecycle, steps, published) => {
    expect(play(lifecycle, steps)).toEqual(published);
  });

  it('a period lists at most twenty keys, each once', () => {
    const limited: LimitState = { limit: undefined };
    const plan = { alerts: 1, perMs: 10 };
    for (let i = 0; i < 100; i++) admit(limited, plan, `k${i % 40}`, 1, { elapsedMs: 0, at: 7 });
    expect(endPeriod(limited, plan, 10)).toMatchObject({ told: 1, heldBack: 99, sinceAt: 7 });
    for (let i = 0; i < 100; i++) admit(limited, plan, `k${i % 40}`, 1, { elapsedMs: 20, at: 7 });
    const keys = endPeriod(limited, plan, 30)?.keys ?? [];
    expect(keys).toEqual(Array.from({ length: 20 }, (_, i) => `k${i + 1}`));
  });

  it('flapping is the same as in a model that searches all earlier changes', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 60, size: 'max' });
    const plan = fc.record({ changes: fc.integer({ min: 2, max: 5 }), withinMs: fc.integer({ min: 1, max: 20 }) });
    const seen = { published: 0, frozen: 0, thawed: 0 };
    fc.assert(
      fc.property(plan, steps, (flapping, steps) => {
        const lifecycle = createLifecycle({ flapping });
        const noise = createNoiseRecord();
        const past: number[] = [];
        let frozen = false;
        let from = 0;
        let now = 0;
        for (const step of steps) {
          now += step;
          // A tick, then a change, at the same time.
          const stable = isStable(noise, lifecycle, now);
          expect(stable).toBe(frozen && now - past.at(-1)! >= flapping.withinMs);
          if (stable) {
            noise.flapping = false;
            noise.changes = [];
            frozen = false;
            from = past.length;
            seen.thawed += 1;
          }
          past.push(now);
          const recent = past.slice(from).filter((at) => now - at <= flapping.withinMs);
          const decision = decideToPublish(noise, lifecycle, { limit: undefined }, FIRES, 'a', {
            elapsedMs: now,
            at: 0,
          });
          if (frozen) expect(decision).toEqual({ suppressed: 'flapping' });
          else if (recent.length >= flapping.changes) expect(decision).toEqual({ flapping: true });
          else expect(decision).toEqual({});
          frozen ||= recent.length >= flapping.changes;
          seen[frozen ? 'frozen' : 'published'] += 1;
        }
      }),
      { numRuns: 500 },
    );
    expect(Math.min(seen.published, seen.frozen, seen.thawed)).toBeGreaterThan(100);
  });

  it('the limit is the same as in a model that divides time into periods', () => {
    const steps = fc.array(fc.record({ step: fc.integer({ min: 0, max: 5 }), tick: fc.boolean() }), {
      maxLength: 80,
      size: 'max',
    });
    const plan = fc.record({ alerts: fc.integer({ min: 1, max: 4 }), perMs: fc.integer({ min: 1, max: 15 }) });
    let heldBack = 0;
    fc.assert(
      fc.property(plan, steps, (limit, steps) => {
        const limited: LimitState = { limit: undefined };
        let period: { start: number; keys: string[] } | undefined;
        let now = 0;
        steps.forEach(({ step, tick }, i) => {
          now += step;
          if (tick) {
            const ended = period !== undefined && now - period.start >= limit.perMs ? period.keys : [];
            const over = ended.slice(limit.alerts);
            const found = endPeriod(limited, limit, now);
            expect(found?.keys).toEqual(over.length === 0 ? undefined : over.slice(0, 20));
            expect(found?.heldBack).toBe(over.length === 0 ? undefined : over.length);
            if (ended.length > 0) period = undefined;
            heldBack += over.length;
            return;
          }
          period ??= { start: now, keys: [] };
          period.keys.push(`k${i}`);
          const isAdmitted = admit(limited, limit, `k${i}`, 1, { elapsedMs: now, at: 0 });
          expect(isAdmitted).toBe(period.keys.length <= limit.alerts);
        });
      }),
      { numRuns: 500 },
    );
    expect(heldBack).toBeGreaterThan(500);
  });
});

describe('the clock of alerts', () => {
  it('counts the time between ticks, and never goes back', () => {
    const clock = createAlertClock();
    for (const at of [1_000, 3_000, 2_000, 2_500, 90_000]) advanceAlertClock(clock, at, [0]);
    expect(clock.elapsedMs).toBe(2_000 + 500 + 87_500);
  });

  it('counts heard time while all brokers are connected', () => {
    const clock = createAlertClock();
    const heard = [
      [100, 0],
      [200, 50],
      [300, 50],
      [300, 150],
      [400, 200],
    ].map((liveMs) => {
      advanceAlertClock(clock, 0, liveMs);
      return clock.heardMs;
    });
    expect(heard).toEqual([0, 50, 50, 50, 100]);
  });

  it('counts a new broker from its first tick', () => {
    const clock = { ...createAlertClock(), liveMs: [100, null] };
    advanceAlertClock(clock, 0, [300, 5_000]);
    expect(clock.heardMs).toBe(0);
    advanceAlertClock(clock, 0, [400, 5_100]);
    expect(clock.heardMs).toBe(100);
  });
});
