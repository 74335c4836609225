import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../../engine/model/record.ts';
import { CHECKPOINT_CRASHES } from './checkpoint-crashes.ts';
import { at, crash, hasCut, hasMessages } from './steps.ts';
import { type Fault, wrapGroups, wrapInsert, wrapMessages, wrapPublish } from './wrap-edges.ts';

/** Replaces a step of the engine; `go` is the original step. */
type Step = <T>(go: () => Promise<T>) => Promise<T>;

/** A step that never ends: the process ends some milliseconds later. */
async function crashInstead(afterMs: number): Promise<never> {
  setTimeout(crash, afterMs);
  return new Promise(() => undefined);
}

// The numbers are small, because groups are few and large on a busy machine.
const GROUPS = 8;
const INSERTS = 4;
const EVENTS = 60;
/** The checkpoint of the second cut is the first that replaces another one. */
const CUTS = 2;

/** Crashes around the write of a group to the journal. */
function atWrite(step: Step): Fault {
  const isDue = at(GROUPS);
  return wrapGroups((go, records) => (hasMessages(records) && isDue() ? step(go) : go()));
}

/** Returns a function to call with each group. It returns true once the newest cut is not the first and there are readings before it, so that its state is not empty. */
function watchCuts(): (records: readonly JournalRecord[]) => boolean {
  let cuts = 0;
  let hasReadings = false;
  let isDue = false;
  return (records) => {
    if (hasCut(records)) isDue = ++cuts >= CUTS && hasReadings;
    hasReadings ||= hasMessages(records);
    return isDue;
  };
}

const crashAfter: Step = async (go) => {
  const result = await go();
  crash();
  return result;
};
/** Crashes while the request is in flight; it may arrive or not. */
const crashInFlight =
  (afterMs: number): Step =>
  async (go) => {
    const result = go();
    result.catch(() => undefined);
    await delay(afterMs);
    crash();
    return result;
  };

function atInsert(step: Step): Fault {
  const isDue = at(INSERTS);
  return wrapInsert((go, batch, token) => (isDue() ? step(() => go(batch, token)) : go(batch, token)));
}

function atPublish(step: Step): Fault {
  const isDue = at(EVENTS);
  return wrapPublish((go, event) => (isDue() ? step(() => go(event)) : go(event)));
}

/** The steps of the protocol at which the engine crashes, in the order of processing. */
export const CRASHES = {
  // The crash comes a little later, so that an acknowledgement that was sent too early reaches the broker and is detected.
  'before-write': () => atWrite(() => crashInstead(20)),
  'in-write': () => atWrite(crashInFlight(0)),
  'after-sync': () => atWrite(crashAfter),
  'after-ack': () => {
    const isDue = at(GROUPS);
    return wrapMessages((go, connection, messages, acknowledge) =>
      go(connection, messages, () => {
        acknowledge();
        if (isDue()) crash();
      }),
    );
  },
  // The crash comes in the turn after the fold of the cut: the snapshot is taken, and no checkpoint is written yet.
  cut: () => {
    const isDue = watchCuts();
    return wrapGroups(async (go, records) => {
      const result = await go();
      if (isDue(records)) setImmediate(crash);
      return result;
    });
  },
  'insert-sent': () => atInsert(crashInFlight(4)),
  'insert-answered': () => atInsert(crashAfter),
  'publish-sent': () => atPublish(crashInFlight(1)),
  'publish-answered': () => atPublish(crashAfter),
  ...CHECKPOINT_CRASHES,
} satisfies Readonly<Record<string, () => Fault>>;
