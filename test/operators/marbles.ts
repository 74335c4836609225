import type { SchedulerLike } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { expect } from 'vitest';

type Helpers = Parameters<Parameters<TestScheduler['run']>[0]>[0];

/** A scheduler of virtual time whose marbles Vitest compares. A frame is a millisecond. */
export function createScheduler() {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  return {
    run: (test: (helpers: Helpers, scheduler: SchedulerLike) => void): void =>
      scheduler.run((helpers) => test(helpers, scheduler)),
  };
}
