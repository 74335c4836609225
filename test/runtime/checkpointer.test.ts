import { describe, expect, it } from 'vitest';
import { createCheckpointer } from '../../engine/runtime/checkpointer.ts';

/** No checkpoint can begin at this offset. */
const IMPOSSIBLE = 700;

const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A checkpointer with an outbox and a disk that the test controls. */
function start() {
  const log: string[] = [];
  const outbox = { position: 0, confirmed: 0 };
  let ongoing: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  const step = (name: string) => {
    log.push(name);
    return new Promise<void>((resolve, reject) => {
      ongoing = { resolve, reject };
    });
  };
  const checkpointer = createCheckpointer({
    requestCut: () => log.push('cut requested'),
    begin: (nextOffset) => {
      log.push(`begin ${nextOffset}`);
      if (nextOffset === IMPOSSIBLE) throw new Error('too long');
      return { capture: () => step(`capture ${nextOffset}`), commit: () => step(`commit ${nextOffset}`) };
    },
    positions: () => [outbox.position],
    areConfirmed: ([position]) => outbox.confirmed >= position!,
    onFailure: (error) => log.push(`failed: ${(error as Error).message}`),
  });
  return {
    log,
    outbox,
    checkpointer,
    /** Ends the step that was begun last. */
    finish: async () => {
      ongoing!.resolve();
      await settle();
    },
    fail: async () => {
      ongoing!.reject(new Error('disk full'));
      await settle();
    },
    /** The entries of the log since the last call. */
    entries: () => log.splice(0),
  };
}

describe('a checkpointer', () => {
  it('begins a checkpoint right after its cut, and commits it once it is captured and everything up to the cut is confirmed', async () => {
    const { outbox, checkpointer, finish, entries } = start();
    checkpointer.request();
    outbox.position = 3;
    checkpointer.onCut(41);
    expect(entries()).toEqual(['cut requested', 'begin 42', 'capture 42']);
    await finish();
    // Outputs after the cut need not be confirmed.
    outbox.position = 7;
    outbox.confirmed = 2;
    checkpointer.onProgress();
    await settle();
    expect(entries()).toEqual([]);
    outbox.confirmed = 3;
    checkpointer.onProgress();
    checkpointer.onProgress();
    await settle();
    expect(entries()).toEqual(['commit 42']);
    let settled = false;
    void checkpointer.settled().then(() => {
      settled = true;
    });
    await settle();
    expect(settled).toBe(false);
    await finish();
    expect(settled).toBe(true);
  });

  it('commits nothing before it is captured, although everything is confirmed', async () => {
    const { outbox, checkpointer, finish, entries } = start();
    checkpointer.request();
    outbox.position = 3;
    checkpointer.onCut(0);
    outbox.confirmed = 3;
    checkpointer.onProgress();
    await settle();
    expect(entries()).toEqual(['cut requested', 'begin 1', 'capture 1']);
    await finish();
    expect(entries()).toEqual(['commit 1']);
  });

  it('makes one checkpoint at a time', async () => {
    const { checkpointer, finish, entries } = start();
    checkpointer.request();
    checkpointer.request();
    checkpointer.onCut(1);
    checkpointer.request();
    checkpointer.onCut(2);
    await finish();
    checkpointer.request();
    checkpointer.onCut(3);
    expect(entries()).toEqual(['cut requested', 'begin 2', 'capture 2', 'commit 2']);
    await finish();
    checkpointer.onProgress();
    expect(entries()).toEqual([]);
    checkpointer.request();
    checkpointer.onCut(9);
    expect(entries()).toEqual(['cut requested', 'begin 10', 'capture 10']);
  });

  it('ignores a cut that it did not request, such as one of an earlier run', () => {
    const { checkpointer, entries } = start();
    checkpointer.onCut(5);
    expect(entries()).toEqual([]);
  });

  it('commits nothing if the capture fails, and tries again at the next request', async () => {
    const { checkpointer, fail, entries } = start();
    checkpointer.request();
    const settled = checkpointer.settled();
    checkpointer.onCut(99);
    await fail();
    await settled;
    expect(entries()).toEqual(['cut requested', 'begin 100', 'capture 100', 'failed: disk full']);
    checkpointer.onProgress();
    checkpointer.request();
    checkpointer.onCut(100);
    expect(entries()).toEqual(['cut requested', 'begin 101', 'capture 101']);
  });

  it('has failed if it cannot begin, which does not concern the fold, and tries again at the next request', async () => {
    const { checkpointer, entries } = start();
    checkpointer.request();
    checkpointer.onCut(IMPOSSIBLE - 1);
    await checkpointer.settled();
    expect(entries()).toEqual(['cut requested', 'begin 700', 'failed: too long']);
    checkpointer.request();
    checkpointer.onCut(IMPOSSIBLE);
    expect(entries()).toEqual(['cut requested', 'begin 701', 'capture 701']);
  });

  it('is settled while none is in progress, and continues after a failed commit', async () => {
    const { checkpointer, finish, fail, entries } = start();
    await checkpointer.settled();
    checkpointer.request();
    checkpointer.onCut(1);
    await finish();
    const settled = checkpointer.settled();
    await fail();
    await settled;
    checkpointer.request();
    checkpointer.onCut(2);
    const [first, second] = [2, 3].map((offset) => ['cut requested', `begin ${offset}`, `capture ${offset}`]);
    expect(entries()).toEqual([...first!, 'commit 2', 'failed: disk full', ...second!]);
  });
});
