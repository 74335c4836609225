import pino from 'pino';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { Outbox } from '../../engine/delivery/outbox.ts';
import { openCheckpoints } from '../../engine/journal/checkpoint/open.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { createCheckpointing } from '../../engine/runtime/checkpointing.ts';
import { beginCapture, createChanges, createSections, type Part } from '../../engine/state/changes.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { type DiskCall, failingDisk } from '../journal/checkpoint/failing-disk.ts';
import { read } from '../journal/checkpoint/sections.ts';
import { makeFolder } from '../journal/folder.ts';

interface TestPart extends Part {
  text: string;
}

const cutAt = (offset: number) => ({ kind: 'mark', mark: 'cut', at: 0, connection: 0, offset }) as const;
const tickAt = (offset: number) => ({ kind: 'tick', at: 0, offset }) as const;

/**
 * Checkpoints in a real folder, of a state with parts of text: each tick sets the part of its offset modulo `parts` to its offset, in front of
 * `padding`.
 */
async function start({ parts: count = 10, padding = '' } = {}) {
  const folder = makeFolder();
  const refused: { call: DiskCall | undefined } = { call: undefined };
  const disk = failingDisk((call) => (call === refused.call ? 'tear' : 'go'), 'ENOSPC');
  const { store } = await openCheckpoints(folder, undefined, disk);
  onTestFinished(() => store.close());
  const parts = new Map<number, TestPart>();
  const sections = createSections();
  const changes = createChanges(
    sections,
    () => parts.values(),
    ({ text }) => Buffer.from(text),
  );
  const fullness: boolean[] = [];
  const released: number[] = [];
  const outbox = { position: 0, confirmed: 0, asked: 0 };
  const counters = createCounters();
  let clock = 0;
  let requested = 0;
  const checkpointing = createCheckpointing({
    store,
    journal: { id: 'j', firstOffset: 0, release: async (offset) => void released.push(offset) },
    sent: { release: async () => undefined },
    fold: {
      feed: (records: readonly JournalRecord[]) => {
        for (const { kind, offset } of records) {
          if (kind !== 'tick') continue;
          const number = offset % count;
          const text = `${offset}${padding}`;
          const part = parts.get(number);
          if (part === undefined) {
            const added = { number, section: 0, text };
            parts.set(number, added);
            changes.add(added);
          } else {
            changes.touch(part);
            part.text = text;
          }
        }
      },
      capture: (isFull, write) => {
        fullness.push(isFull);
        return { heads: [], ...beginCapture(sections, isFull, write) };
      },
    },
    outboxes: [
      {
        get position() {
          return outbox.position;
        },
        isConfirmed: (position: number) => {
          outbox.asked += 1;
          return outbox.confirmed >= position;
        },
      } as Outbox,
    ],
    eventPositions: () => undefined,
    requestCut: () => {
      requested += 1;
    },
    onWritten: () => undefined,
    // Each question takes a millisecond, so that a slice has only a few parts.
    clock: { steady: () => clock++ },
    counters,
    log: pino({ level: 'silent' }),
  });
  let offset = 0;
  const feedTicks = (ticks: number) => {
    for (let i = 0; i < ticks; i++) checkpointing.feed([tickAt(offset++)]);
  };
  const feedCut = () => checkpointing.feed([cutAt(offset++)]);
  return {
    checkpointing,
    counters,
    fullness,
    released,
    outbox,
    refused,
    store,
    feedTicks,
    feedCut,
    requested: () => requested,
    /** Makes a checkpoint. Resolves when it is made or has failed. */
    make: async (ticks = 1) => {
      feedTicks(ticks);
      const completed = checkpointing.complete();
      await vi.waitFor(() => expect(requested).toBe(fullness.length + 1));
      feedCut();
      await completed;
    },
    stored: async () => {
      const { checkpoint } = await read(folder);
      return checkpoint && Array.from(checkpoint.pieces(), (piece) => Number.parseInt(piece.toString(), 10)).sort();
    },
  };
}

it('writes all parts once, then those that changed, and keeps the journal from the previous checkpoint on', async () => {
  const { make, fullness, released, store, stored } = await start();
  await make(4);
  expect(await stored()).toEqual([0, 1, 2, 3]);
  const { fullBytes } = store;
  await make();
  await make();
  expect(fullness).toEqual([true, false, false]);
  expect([store.fullBytes, store.changedBytes > 0]).toEqual([fullBytes, true]);
  expect(await stored()).toEqual([0, 1, 2, 3, 5, 7]);
  expect(released).toEqual([5, 7]);
});

it('holds the state right after its cut, although records are folded while it is captured', async () => {
  const { checkpointing, feedTicks, feedCut, make, stored } = await start({ parts: 200 });
  feedTicks(200);
  const completed = checkpointing.complete();
  await Promise.resolve();
  feedCut();
  // Parts of each slice are changed again.
  for (let i = 0; i < 10; i++) {
    feedTicks(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await completed;
  const ascending = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i).sort();
  expect(await stored()).toEqual(ascending(0, 200));
  await make(0);
  expect(await stored()).toEqual(ascending(201, 401));
});

it('writes all parts again after a checkpoint that failed, because what changed before it may not be stored', async () => {
  const { make, counters, fullness, refused, stored } = await start();
  await make(3);
  for (const call of ['write', 'sync', 'write'] as const) {
    refused.call = call;
    await make();
    refused.call = undefined;
  }
  expect(counters.checkpoints_failed).toBe(3);
  expect(await stored()).toEqual([0, 1, 2]);
  await make(0);
  await make();
  expect(fullness).toEqual([true, false, true, true, true, false]);
  expect(await stored()).toEqual([0, 2, 4, 6, 8, 11].sort());
});

it('writes all parts again when the changes take more room than they do', async () => {
  const { make, fullness } = await start({ parts: 3, padding: 'x'.repeat(300_000) });
  for (let i = 0; i < 12; i++) await make(1);
  // Each change has 300 kB; changes of up to 1 MiB are always kept.
  expect(fullness.flatMap((isFull, i) => (isFull ? [i] : []))).toEqual([0, 5, 10]);
});

it('fails if a part is too large, also one that is captured because it changes; the fold goes on', async () => {
  const { make, counters, fullness, stored, store } = await start();
  await make(2);
  const add = vi.spyOn(store, 'add').mockImplementation(() => {
    throw new RangeError('a part of the state has 300000000 bytes');
  });
  await make();
  expect([counters.checkpoints_failed, await stored()]).toEqual([1, [0, 1]]);
  add.mockRestore();
  await make();
  expect([counters.checkpoints_failed, fullness.at(-1)]).toEqual([1, true]);
  expect(await stored()).toEqual([0, 1, 3, 5]);
});

it('is not durable before the sinks have confirmed everything up to its cut', async () => {
  const { checkpointing, outbox, feedTicks, feedCut, stored } = await start();
  feedTicks(2);
  outbox.position = 4;
  const completed = checkpointing.complete();
  await Promise.resolve();
  feedCut();
  outbox.confirmed = 3;
  await vi.waitFor(() => expect(outbox.asked).toBe(1));
  checkpointing.onProgress();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(await stored()).toBeUndefined();
  outbox.confirmed = 4;
  checkpointing.onProgress();
  await completed;
  expect(await stored()).toEqual([0, 1]);
});

it('is dropped at the end of the run if it is not complete yet, which is no failure', async () => {
  const { checkpointing, counters, feedTicks, feedCut, requested, stored } = await start({ parts: 200 });
  feedTicks(200);
  void checkpointing.complete();
  await Promise.resolve();
  feedCut();
  await checkpointing.close();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect([counters.checkpoints_failed, requested(), await stored()]).toEqual([0, 1, undefined]);
  checkpointing.request();
  expect(requested()).toBe(1);
});

it('is completed at the end of the run if it is being committed', async () => {
  const { checkpointing, counters, make, feedTicks, feedCut, outbox, released, stored } = await start();
  await make(1);
  feedTicks(2);
  outbox.position = 1;
  checkpointing.request();
  outbox.asked = 0;
  feedCut();
  // It is captured when the outbox is asked.
  await vi.waitFor(() => expect(outbox.asked).toBe(1));
  outbox.confirmed = 1;
  checkpointing.onProgress();
  // The commit begins in a microtask.
  for (let i = 0; i < 10; i++) await undefined;
  await checkpointing.close();
  expect([counters.checkpoints_failed, await stored(), released]).toEqual([0, [0, 2, 3], [2]]);
});
