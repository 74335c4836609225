import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../engine/journal/checkpoint.ts';
import { createCheckpointer } from '../../engine/runtime/checkpointer.ts';

/** The state at this offset cannot be written. */
const UNWRITABLE = 100;

/** A checkpointer with an outbox that the test controls. */
function start() {
  const log: string[] = [];
  const outbox = { position: 0, confirmed: 0 };
  let finish: (() => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const checkpointer = createCheckpointer({
    requestCut: () => log.push('cut requested'),
    makeCheckpoint: (nextOffset): Checkpoint | undefined => {
      log.push(`state ${nextOffset}`);
      if (nextOffset === UNWRITABLE) return undefined;
      return { journalId: 'j', nextOffset, state: [Buffer.from(String(outbox.position))] };
    },
    positions: () => [outbox.position],
    areConfirmed: ([position]) => outbox.confirmed >= position!,
    write: (checkpoint) => {
      log.push(`write ${checkpoint.nextOffset} of ${checkpoint.state}`);
      return new Promise((resolve, reject) => {
        finish = resolve;
        fail = reject;
      });
    },
  });
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    log,
    outbox,
    checkpointer,
    finish: async () => {
      finish!();
      await settle();
    },
    fail: async () => {
      fail!(new Error('disk full'));
      await settle();
    },
  };
}

describe('a checkpointer', () => {
  it('makes a checkpoint right after its cut, and writes it once everything up to the cut is confirmed', async () => {
    const { log, outbox, checkpointer, finish } = start();
    checkpointer.request();
    outbox.position = 3;
    checkpointer.onCut(41);
    expect(log).toEqual(['cut requested', 'state 42']);
    // Outputs after the cut need not be confirmed.
    outbox.position = 7;
    outbox.confirmed = 2;
    checkpointer.onProgress();
    expect(log).toHaveLength(2);
    outbox.confirmed = 3;
    checkpointer.onProgress();
    checkpointer.onProgress();
    expect(log).toEqual(['cut requested', 'state 42', 'write 42 of 3']);
    let settled = false;
    void checkpointer.settled().then(() => {
      settled = true;
    });
    await finish();
    expect(settled).toBe(true);
  });

  it('writes at once if nothing waits', () => {
    const { log, checkpointer } = start();
    checkpointer.request();
    checkpointer.onCut(0);
    expect(log).toEqual(['cut requested', 'state 1', 'write 1 of 0']);
  });

  it('writes one checkpoint at a time', async () => {
    const { log, checkpointer, finish } = start();
    checkpointer.request();
    checkpointer.request();
    checkpointer.onCut(1);
    checkpointer.request();
    checkpointer.onCut(2);
    expect(log).toEqual(['cut requested', 'state 2', 'write 2 of 0']);
    await finish();
    checkpointer.onProgress();
    expect(log).toHaveLength(3);
    checkpointer.request();
    checkpointer.onCut(9);
    expect(log.slice(3)).toEqual(['cut requested', 'state 10', 'write 10 of 0']);
  });

  it('ignores a cut that it did not request, such as one of an earlier run', () => {
    const { log, checkpointer } = start();
    checkpointer.onCut(5);
    expect(log).toEqual([]);
  });

  it('writes none if the state cannot be written, and tries again at the next request', async () => {
    const { log, checkpointer } = start();
    checkpointer.request();
    const settled = checkpointer.settled();
    checkpointer.onCut(UNWRITABLE - 1);
    await settled;
    checkpointer.request();
    checkpointer.onCut(UNWRITABLE);
    expect(log).toEqual(['cut requested', 'state 100', 'cut requested', 'state 101', 'write 101 of 0']);
  });

  it('is settled while none is in progress, and continues after a failed checkpoint', async () => {
    const { log, checkpointer, fail } = start();
    await checkpointer.settled();
    checkpointer.request();
    checkpointer.onCut(1);
    const settled = checkpointer.settled();
    await fail();
    await settled;
    checkpointer.request();
    checkpointer.onCut(2);
    expect(log).toEqual(['cut requested', 'state 2', 'write 2 of 0', 'cut requested', 'state 3', 'write 3 of 0']);
  });
});
