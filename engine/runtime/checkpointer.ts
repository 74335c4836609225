import type { Checkpoint } from '../journal/checkpoint.ts';

export interface CheckpointerOptions {
  /** Appends a `cut` mark. When it is durable and folded, the caller calls `onCut`. */
  readonly requestCut: () => void;
  /** Makes a checkpoint of the state right after the cut; undefined if that is not possible. */
  readonly makeCheckpoint: (nextOffset: number) => Checkpoint | undefined;
  /** The current position of each outbox. */
  readonly positions: () => readonly number[];
  /** Whether the sinks have confirmed everything up to these positions. */
  readonly areConfirmed: (positions: readonly number[]) => boolean;
  /** Makes a checkpoint durable, and deletes what it makes unnecessary. */
  readonly write: (checkpoint: Checkpoint) => Promise<void>;
}

/** Writes checkpoints one at a time. */
export interface Checkpointer {
  /** Requests a checkpoint, unless one is in progress. */
  request(): void;
  /** Call it with the offset of a cut mark, right after the fold has processed this mark. */
  onCut(offset: number): void;
  /** Call it when a sink has confirmed something. */
  onProgress(): void;
  /** Resolves when no checkpoint is in progress. */
  settled(): Promise<void>;
}

/**
 * A checkpoint is made right after a cut, when no batch is open. It is written only once the sinks have confirmed every output up to the
 * cut. So a fold from this checkpoint makes every unconfirmed output again, with the same ids and tokens.
 */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  let requested = false;
  let waiting: { readonly checkpoint: Checkpoint; readonly positions: readonly number[] } | undefined;
  let writing = false;
  let waitingForIdle: (() => void)[] = [];

  const done = () => {
    writing = false;
    requested = false;
    waiting = undefined;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle = [];
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
      const checkpoint = options.makeCheckpoint(offset + 1);
      if (checkpoint === undefined) {
        done();
        return;
      }
      waiting = { checkpoint, positions: options.positions() };
      advance();
    },
    onProgress: advance,
    settled: () => (requested ? new Promise((resolve) => waitingForIdle.push(resolve)) : Promise.resolve()),
  };
}
