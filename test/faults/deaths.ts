import { setTimeout as delay } from 'node:timers/promises';
import type { JournalRecord } from '../../engine/model/record.ts';
import { type Fault, wrapDisk, wrapGroups, wrapInsert, wrapMessages, wrapPublish } from './wrap-edges.ts';

/** True at the `times`-th call, and never again. */
export function at(times: number): () => boolean {
  let calls = 0;
  return () => ++calls === times;
}

/** What happens in place of a step of the engine; `go` is the step. */
type Step = (go: () => Promise<void>) => Promise<void>;

/** Ends the process as `kill -9` does. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** A step that never ends, since the process does, some milliseconds later. */
async function dieInstead(afterMs: number): Promise<never> {
  setTimeout(die, afterMs);
  return new Promise(() => undefined);
}

// Small: where the machine is busy, groups are few and large.
const GROUPS = 8;
const INSERTS = 4;
const EVENTS = 60;
/** The second cut: its checkpoint is the first that replaces one. */
const CUTS = 2;

export const hasMessages = (records: readonly JournalRecord[]) => records.some(({ kind }) => kind === 'message');
const hasCut = (records: readonly JournalRecord[]) =>
  records.some((record) => record.kind === 'mark' && record.mark === 'cut');

/** Dies around a sync of the journal. */
function atSync(step: Step): Fault {
  const isDue = at(GROUPS);
  return wrapGroups({ sync: (go, records) => (hasMessages(records) && isDue() ? step(go) : go()) });
}

/** Takes each group. True once the newest cut is not the first and there are readings before it, so that its state is worth something. */
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

/** Dies around a renaming of checkpoint files: the one to a name that ends so. */
function atRename(to: string, step: Step): Fault {
  const watch = watchCuts();
  let isDue = false;
  const follow = wrapGroups({
    sync: (go, records) => {
      isDue = watch(records);
      return go();
    },
  });
  const dieThere = wrapDisk((disk) => ({
    rename: (from, path) => {
      const go = () => disk.rename(from, path);
      return path.endsWith(to) && isDue ? step(go) : go();
    },
  }));
  return (edges) => dieThere(follow(edges));
}

const dieBefore: Step = async (go) => {
  die();
  await go();
};
const dieAfter: Step = async (go) => {
  await go();
  die();
};
/** The request is on its way, and may arrive or not. */
const dieOnTheWay =
  (afterMs: number): Step =>
  async (go) => {
    go().catch(() => undefined);
    await delay(afterMs);
    die();
  };

function atInsert(step: Step): Fault {
  const isDue = at(INSERTS);
  return wrapInsert((go, batch, token) => (isDue() ? step(() => go(batch, token)) : go(batch, token)));
}

function atPublish(step: Step): Fault {
  const isDue = at(EVENTS);
  return wrapPublish((go, event) => (isDue() ? step(() => go(event)) : go(event)));
}

/** The places of the protocol at which the engine dies, in the order of a reading's way. */
export const DEATHS = {
  // Not at once: an acknowledgement that is sent too early must get through, so that it is seen.
  'before-write': () => {
    const isDue = at(GROUPS);
    return wrapGroups({ write: (go, records) => (hasMessages(records) && isDue() ? dieInstead(20) : go()) });
  },
  'before-sync': () => atSync(dieBefore),
  'after-sync': () => atSync(dieAfter),
  'after-ack': () => {
    const isDue = at(GROUPS);
    return wrapMessages((go, connection, messages, acknowledge) =>
      go(connection, messages, () => {
        acknowledge();
        if (isDue()) die();
      }),
    );
  },
  // In the turn after the fold of the cut: the state is taken, and no checkpoint is written.
  cut: () => {
    const isDue = watchCuts();
    return wrapGroups({
      sync: async (go, records) => {
        await go();
        if (isDue(records)) setImmediate(die);
      },
    });
  },
  'insert-sent': () => atInsert(dieOnTheWay(4)),
  'insert-answered': () => atInsert(dieAfter),
  'publish-sent': () => atPublish(dieOnTheWay(1)),
  'publish-answered': () => atPublish(dieAfter),
  'checkpoint-written': () => atRename('checkpoint-before.jsonl', dieBefore),
  'checkpoint-between': () => atRename('checkpoint.jsonl', dieBefore),
  'checkpoint-renamed': () => atRename('checkpoint.jsonl', dieAfter),
} satisfies Readonly<Record<string, () => Fault>>;
