import type { Checkpoint } from '../journal/checkpoint.ts';

export interface CheckpointerOptions {
  /** Appends the `cut` mark whose commit calls `onCut`. */
  readonly requestCut: () => void;
  /** Takes the state down as it is right behind the cut; undefined where that is not possible. */
  readonly take: (nextOffset: number) => Checkpoint | undefined;
  /** Positions of the outboxes now, and whether everything up to such positions is confirmed. */
  readonly positions: () => readonly number[];
  readonly areConfirmed: (positions: readonly number[]) => boolean;
  /** Makes a checkpoint durable and lets go of what it makes needless. */
  readonly write: (checkpoint: Checkpoint) => Promise<void>;
}

/** Takes checkpoints one at a time. */
export interface Checkpointer {
  /** Asks for a checkpoint unless one is under way. */
  request(): void;
  /** To be called with the offset of a cut mark, right behind the fold of it. */
  onCut(offset: number): void;
  /** To be called when something was confirmed. */
  onProgress(): void;
  /** Resolves when no checkpoint is under way. */
  settled(): Promise<void>;
}

/**
 * A checkpoint is taken behind a cut, when no rows are in the making, and written only once every output up to the cut is confirmed:
 * so folding on from it makes everything that was still under way again, with the same ids and tokens.
 */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  let requested = false;
  let waiting: { readonly checkpoint: Checkpoint; readonly positions: readonly number[] } | undefined;
  let writing = false;
  let idle: (() => void)[] = [];

  const done = () => {
    writing = false;
    requested = false;
    waiting = undefined;
    for (const resolve of idle) resolve();
    idle = [];
  };
  const advance = () => {
    if (waiting === undefined || writing || !options.areConfirmed(waiting.positions)) return;
    writing = true;
    options.write(waiting.checkpoint).then(done, done);
  };

  return {
    request() {
      if (requested) return;
      requested = true;
      options.requestCut();
    },
    onCut(offset) {
      if (!requested || waiting !== undefined) return;
      const checkpoint = options.take(offset + 1);
      if (checkpoint === undefined) {
        done();
        return;
      }
      waiting = { checkpoint, positions: options.positions() };
      advance();
    },
    onProgress: advance,
    settled: () => (requested ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
  };
}
