/** A checkpoint that is being made: the state right after a cut. */
export interface PendingCheckpoint {
  /** Captures the state and writes it. Resolves once all of it is written. */
  capture(): Promise<void>;
  /** Makes it durable, and deletes what it makes unnecessary. */
  commit(): Promise<void>;
}

export interface CheckpointerOptions {
  /** Appends a `cut` mark. When it is durable and folded, the caller calls `onCut`. */
  readonly requestCut: () => void;
  /** Begins a checkpoint of the state right after the cut. Called before any later record is folded. If it throws, the checkpoint has failed. */
  readonly begin: (nextOffset: number) => PendingCheckpoint;
  /** The current position of each outbox. */
  readonly positions: () => readonly number[];
  /** Whether the sinks have confirmed everything up to these positions. */
  readonly areConfirmed: (positions: readonly number[]) => boolean;
  /** Called if a checkpoint could not be made. The next request tries again. */
  readonly onFailure: (error: unknown) => void;
}

/** Makes checkpoints one at a time. */
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
 * A checkpoint begins right after a cut, when no batch is open. It is committed only once the sinks have confirmed every output up to the
 * cut. So a fold from this checkpoint makes every unconfirmed output again, with the same ids and tokens.
 */
export function createCheckpointer(options: CheckpointerOptions): Checkpointer {
  let requested = false;
  let making = false;
  let waiting: { readonly positions: readonly number[]; readonly resolve: () => void } | undefined;
  let waitingForIdle: (() => void)[] = [];

  const advance = () => {
    if (waiting === undefined || !options.areConfirmed(waiting.positions)) return;
    const { resolve } = waiting;
    waiting = undefined;
    resolve();
  };
  const make = async (nextOffset: number, positions: readonly number[]): Promise<void> => {
    const pending = options.begin(nextOffset);
    await pending.capture();
    await new Promise<void>((resolve) => {
      waiting = { positions, resolve };
      advance();
    });
    await pending.commit();
  };
  const done = () => {
    making = false;
    requested = false;
    for (const resolve of waitingForIdle) resolve();
    waitingForIdle = [];
  };

  return {
    request() {
      if (requested) return;
      requested = true;
      options.requestCut();
    },
    onCut(offset) {
      if (!requested || making) return;
      making = true;
      make(offset + 1, options.positions())
        .catch(options.onFailure)
        .then(done);
    },
    onProgress: advance,
    settled: () => (requested ? new Promise((resolve) => waitingForIdle.push(resolve)) : Promise.resolve()),
  };
}
