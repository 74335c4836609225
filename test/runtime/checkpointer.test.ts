import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../engine/journal/checkpoint.ts';
import { createCheckpointer } from '../../engine/runtime/checkpointer.ts';

/** Offset behind a cut whose state cannot be taken down. */
const UNFIT = 100;

/** A checkpointer among outboxes that the test moves by hand. */
function start() {
  const log: string[] = [];
  const outbox = { position: 0, confirmed: 0 };
  let finish: (() => void) | undefined;
  let fail: ((error: Error) => void) | undefined;
  const checkpointer = createCheckpointer({
    requestCut: () => log.push('cut wanted'),
    take: (nextOffset): Checkpoint | undefined => {
      log.push(`take ${nextOffset}`);
      if (nextOffset === UNFIT) return undefined;
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
  it('takes the state behind its cut, and writes it once everything up to there is confirmed', async () => {
    const { log, outbox, checkpointer, finish } = start();
    checkpointer.request();
    outbox.position = 3;
    checkpointer.onCut(41);
    expect(log).toEqual(['cut wanted', 'take 42']);
    // What comes behind the cut need not be confirmed.
    outbox.position = 7;
    outbox.confirmed = 2;
    checkpointer.onProgress();
    expect(log).toHaveLength(2);
    outbox.confirmed = 3;
    checkpointer.onProgress();
    checkpointer.onProgress();
    expect(log).toEqual(['cut wanted', 'take 42', 'write 42 of 3']);
    let settled = false;
    void checkpointer.settled().then(() => {
      settled = true;
    });
    await finish();
    expect(settled).toBe(true);
  });

  it('writes at once where nothing waits', () => {
    const { log, checkpointer } = start();
    checkpointer.request();
    checkpointer.onCut(0);
    expect(log).toEqual(['cut wanted', 'take 1', 'write 1 of 0']);
  });

  it('takes one at a time, and the next one after it', async () => {
    const { log, checkpointer, finish } = start();
    checkpointer.request();
    checkpointer.request();
    checkpointer.onCut(1);
    checkpointer.request();
    checkpointer.onCut(2);
    expect(log).toEqual(['cut wanted', 'take 2', 'write 2 of 0']);
    await finish();
    checkpointer.onProgress();
    expect(log).toHaveLength(3);
    checkpointer.request();
    checkpointer.onCut(9);
    expect(log.slice(3)).toEqual(['cut wanted', 'take 10', 'write 10 of 0']);
  });

  it('takes no notice of a cut that it did not ask for: the journal of an earlier run has some', () => {
    const { log, checkpointer } = start();
    checkpointer.onCut(5);
    expect(log).toEqual([]);
  });

  it('writes none where the state cannot be taken down, and tries again when it is asked the next time', async () => {
    const { log, checkpointer } = start();
    checkpointer.request();
    const settled = checkpointer.settled();
    checkpointer.onCut(UNFIT - 1);
    await settled;
    checkpointer.request();
    checkpointer.onCut(UNFIT);
    expect(log).toEqual(['cut wanted', 'take 100', 'cut wanted', 'take 101', 'write 101 of 0']);
  });

  it('is settled while nothing is under way, and goes on after a checkpoint that failed', async () => {
    const { log, checkpointer, fail } = start();
    await checkpointer.settled();
    checkpointer.request();
    checkpointer.onCut(1);
    const settled = checkpointer.settled();
    await fail();
    await settled;
    checkpointer.request();
    checkpointer.onCut(2);
    expect(log).toEqual(['cut wanted', 'take 2', 'write 2 of 0', 'cut wanted', 'take 3', 'write 3 of 0']);
  });
});
