import fc from 'fast-check';
import { from, type SchedulerLike } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { type DeliverOptions, deliver } from '../../engine/operators/deliver.ts';
import { lift } from '../../engine/operators/lift.ts';
import { DeliveryError, type DeliveryErrorClass } from '../../engine/ports.ts';
import { createScheduler } from './marbles.ts';

/** A promise that settles in virtual time, which real ones do not know. */
function settle(scheduler: SchedulerLike, ms: number, error?: unknown): Promise<void> {
  const promise = {
    // biome-ignore lint/suspicious/noThenProperty: it imitates a promise.
    then(resolve: (value: undefined) => void, reject: (cause: unknown) => void) {
      scheduler.schedule(() => (error === undefined ? resolve(undefined) : reject(error)), ms);
      return Promise.resolve();
    },
  };
  return promise as unknown as Promise<void>;
}

const failure = (errorClass: DeliveryErrorClass) => new DeliveryError(errorClass, `it is ${errorClass}`);

/** Outcomes of sending, tried one after another: how long it takes, and how it ends. */
type Tries = Readonly<Record<string, readonly (readonly [ms: number, error?: unknown])[]>>;

/** Sends as the script says, `[1]` after its end, and records every call. */
function createSender(scheduler: SchedulerLike, tries: Tries, options: Partial<DeliverOptions<string>> = {}) {
  const log: string[] = [];
  const count = new Map<string, number>();
  const send = (item: string) => {
    const turn = count.get(item) ?? 0;
    count.set(item, turn + 1);
    log.push(`${scheduler.now()} send ${item}`);
    const [ms, error] = tries[item]?.[turn] ?? [1];
    return settle(scheduler, ms, error);
  };
  const onRetry: DeliverOptions<string>['onRetry'] = (error, item, attempt, waitMs) =>
    log.push(`${scheduler.now()} ${error.class} ${item} ${attempt} wait ${waitMs}`);
  return { log, options: { send, lane: () => 0, random: () => 0.5, onRetry, ...options } };
}

describe('deliver', () => {
  it('hands items on once they are delivered, one after another', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const { log, options } = createSender(scheduler, { a: [[3]], b: [[2]] });
      expectObservable(cold('(abc|)').pipe(deliver(options))).toBe('---a-b(c|)');
      flush();
      expect(log).toEqual(['0 send a', '3 send b', '5 send c']);
    });
  });

  it('retries without end, waiting twice as long each time, with full jitter', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const draws = [0.5, 0, 0.25, 0.999_999, 0.5, 0.5];
      const tries = { a: draws.map(() => [0, failure('transient')] as const) };
      const waits: number[] = [];
      const { options } = createSender(scheduler, tries, {
        random: () => draws[waits.length]!,
        onRetry: (_error, _item, attempt, waitMs) => {
          expect(attempt).toBe(waits.length + 1);
          waits.push(waitMs);
        },
      });
      // Of up to 200, 400, 800, 1600, 3200 and 6400 ms; the last try takes one more.
      expectObservable(cold('a|').pipe(deliver(options))).toBe('6701ms (a|)');
      flush();
      expect(waits).toEqual([100, 0, 200, 1_600, 1_600, 3_200]);
    });
  });

  it.each<[DeliveryErrorClass, readonly number[]]>([
    ['transient', [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]],
    ['overload', [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
    ['bad-row', [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]],
    ['fatal', [60_000, 60_000]],
  ])('waits no longer than this after an error that is %s: %j', (errorClass, expected) => {
    createScheduler().run(({ cold, flush }, scheduler) => {
      const waits: number[] = [];
      const tries = { a: expected.map(() => [0, failure(errorClass)] as const) };
      const { options } = createSender(scheduler, tries, {
        random: () => 1 - Number.EPSILON,
        onRetry: (_error, _item, _attempt, waitMs) => waits.push(waitMs),
      });
      const delivered: string[] = [];
      cold('a|')
        .pipe(deliver(options))
        .subscribe((item) => delivered.push(item));
      flush();
      expect(waits).toEqual(expected);
      expect(delivered).toEqual(['a']);
      expect(scheduler.now()).toBe(expected.reduce((sum, ms) => sum + ms, 0) + 1);
    });
  });

  it('keeps the order within a lane while items of other lanes pass it', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const tries = { a: [[1, failure('transient')], [1]] } as const;
      const { log, options } = createSender(scheduler, tries, { lane: (item) => (item === 'b' ? 1 : 0) });
      // a fails at 1, waits 100 and is there at 102; c waits for it, b does not.
      expectObservable(cold('(abc|)').pipe(deliver(options))).toBe('-b 100ms a(c|)');
      flush();
      expect(log).toEqual(['0 send a', '0 send b', '1 transient a 1 wait 100', '101 send a', '102 send c']);
    });
  });

  it('does not wait for earlier items of no lane', () => {
    createScheduler().run(({ cold, expectObservable }, scheduler) => {
      const { options } = createSender(scheduler, { a: [[5]] }, { lane: () => undefined });
      expectObservable(cold('(abc|)').pipe(deliver(options))).toBe('-(bc)(a|)');
    });
  });

  it('has no more under way than allowed, and a lane that waits for its next try is not under way', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const tries = { a: [[1, failure('transient')]], b: [[3]], c: [[3]], d: [[3]] } as const;
      const { log, options } = createSender(scheduler, tries, { lane: (item) => item, concurrency: 2 });
      expectObservable(cold('(abcd|)').pipe(deliver(options))).toBe('---bc-d 95ms (a|)');
      flush();
      expect(log).toEqual(['0 send a', '0 send b', '1 send c', '1 transient a 1 wait 100', '3 send d', '101 send a']);
    });
  });

  it('gives a refused item to whoever takes those, which is not under way, and sends it again where that fails', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const bad = failure('bad-row');
      const tries = {
        a: [
          [1, bad],
          [1, bad],
        ],
        b: [[1]],
      } as const;
      const burials = [failure('transient'), undefined];
      const { log, options } = createSender(scheduler, tries, {
        lane: (item) => (item === 'c' ? 'a' : item),
        concurrency: 1,
        refused: (item, error) => {
          log.push(`${scheduler.now()} refused ${item} ${error.class}`);
          return settle(scheduler, 5, burials.shift());
        },
      });
      // a is refused at 1, its burial fails at 6, and it is sent again at 106; b does not wait for that, c does.
      expectObservable(cold('(abc|)').pipe(deliver(options))).toBe('--b 109ms a(c|)');
      flush();
      expect(log).toEqual([
        '0 send a',
        '1 send b',
        '1 refused a bad-row',
        '6 transient a 1 wait 100',
        '106 send a',
        '107 refused a bad-row',
        '112 send c',
      ]);
    });
  });

  it('starts nothing that waited for its turn once nobody listens', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const { log, options } = createSender(scheduler, { a: [[5]] }, { lane: (item) => item, concurrency: 1 });
      expectObservable(cold('(ab)').pipe(deliver(options)), '--!').toBe('');
      flush();
      expect(log).toEqual(['0 send a']);
    });
  });

  it('keeps the order within every lane, and delivers each item once, whatever fails', async () => {
    const item = fc.record({
      lane: fc.nat(3),
      fails: fc.array(fc.constantFrom('transient', 'fatal'), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(item as fc.Arbitrary<{ lane: number; fails: DeliveryErrorClass[] }>, { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (plan, concurrency) => {
          const items = plan.map(({ lane, fails }, id) => ({ id, lane, fails: [...fails] }));
          const delivered: number[] = [];
          const busy = new Set<number>();
          let most = 0;
          const send = async ({ id, lane, fails }: (typeof items)[number]) => {
            expect(busy.has(lane)).toBe(false);
            busy.add(lane);
            most = Math.max(most, busy.size);
            await Promise.resolve();
            busy.delete(lane);
            const error = fails.pop();
            if (error !== undefined) throw failure(error);
            delivered.push(id);
          };
          const options = { send, lane: ({ lane }: { lane: number }) => lane, concurrency, random: () => 0 };
          await new Promise<void>((complete, error) => {
            from(items)
              .pipe(deliver({ ...options, onRetry: () => undefined }))
              .subscribe({ complete, error });
          });
          for (const lane of [0, 1, 2, 3]) {
            const own = items.filter((each) => each.lane === lane).map(({ id }) => id);
            expect(delivered.filter((id) => own.includes(id))).toEqual(own);
          }
          expect(delivered).toHaveLength(items.length);
          expect(most).toBeLessThanOrEqual(concurrency);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('uses the class of the newest error, and counts from the start for each item', () => {
    createScheduler().run(({ cold, flush }, scheduler) => {
      const tries = {
        a: [
          [0, failure('transient')],
          [0, failure('overload')],
          [0, failure('transient')],
        ],
        b: [[0, failure('transient')]],
      } as const;
      const { log, options } = createSender(scheduler, tries);
      cold('(ab|)').pipe(deliver(options)).subscribe();
      flush();
      expect(log.filter((line) => line.includes('wait'))).toEqual([
        '0 transient a 1 wait 100',
        '100 overload a 2 wait 2000',
        '2100 transient a 3 wait 400',
        '2501 transient b 1 wait 100',
      ]);
    });
  });

  it('keeps trying where a sink breaks its promise: by another error, or by throwing', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const seen: string[] = [];
      let turn = 0;
      const { options } = createSender(
        scheduler,
        {},
        {
          send: () => {
            turn += 1;
            if (turn === 1) throw new TypeError('oops');
            return settle(scheduler, 0, turn === 2 ? 'a text' : undefined);
          },
          onRetry: (error) => seen.push(`${error.class} ${error.message}`),
        },
      );
      expectObservable(cold('a|').pipe(deliver(options))).toBe('300ms (a|)');
      flush();
      expect(seen).toEqual(['transient unexpected: oops', 'transient unexpected: a text']);
    });
  });

  it('tries nothing more once nobody listens', () => {
    createScheduler().run(({ cold, expectObservable, flush }, scheduler) => {
      const tries = { a: Array.from({ length: 9 }, () => [0, failure('transient')] as const) };
      const { log, options } = createSender(scheduler, tries);
      expectObservable(cold('a').pipe(deliver(options)), '150ms !').toBe('');
      flush();
      expect(log.at(-1)).toBe('100 transient a 2 wait 200');
    });
  });
});

describe('lift', () => {
  it('makes an operator over arrays of a step over items, an array for an array', () => {
    createScheduler().run(({ cold, expectObservable }) => {
      const doubled = lift<number>((item, out) => {
        if (item > 0) out.push({ kind: 'tick', offset: item, at: item, liveMs: [], forgotten: [] });
        if (item > 1) out.push({ kind: 'tick', offset: item, at: 0, liveMs: [], forgotten: [] });
      });
      const tick = (offset: number, at = offset) => ({ kind: 'tick', offset, at, liveMs: [], forgotten: [] });
      expectObservable(cold('a-b-c|', { a: [1, 2], b: [], c: [0, 3] }).pipe(doubled)).toBe('a-b-c|', {
        a: [tick(1), tick(2), tick(2, 0)],
        b: [],
        c: [tick(3), tick(3, 0)],
      });
    });
  });

  it('lets an error of a step end the stream: it is a bug, and not to be passed over', () => {
    createScheduler().run(({ cold, expectObservable }) => {
      const error = new Error('bug');
      const broken = lift<number>(() => {
        throw error;
      });
      expectObservable(cold('-a-b|', { a: [], b: [1] }).pipe(broken)).toBe('-a-#', { a: [] }, error);
    });
  });
});
