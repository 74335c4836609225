import type { JetStreamManager } from 'nats';
import type { StreamPositions } from '../../engine/ports.ts';
import { STREAM_NAMES, type StreamName } from './streams.ts';

/** The last known sequence number of each event stream. */
export interface Positions {
  now(): StreamPositions;
  /** Sets the positions that an earlier run has saved. */
  startWith(positions: StreamPositions): void;
  /** Reads the positions from the server. A stream that we are not allowed to read has no position. */
  refresh(manager: JetStreamManager): Promise<void>;
  /** Records the sequence number that the server gave to a message. */
  advance(stream: StreamName, sequence: number): void;
}

export function createPositions(): Positions {
  const known = new Map<string, { readonly created: string; sequence: number }>();
  return {
    now: () => Object.fromEntries(Array.from(known, ([stream, position]) => [stream, { ...position }])),
    startWith(positions) {
      for (const [stream, position] of Object.entries(positions)) {
        if (!known.has(stream)) known.set(stream, { ...position });
      }
    },
    async refresh(manager) {
      for (const stream of STREAM_NAMES) {
        try {
          const { created, state } = await manager.streams.info(stream);
          known.set(stream, { created: String(created), sequence: state.last_seq });
        } catch {
          // Without a position, the time decides which events may be published again.
          known.delete(stream);
        }
      }
    },
    advance(stream, sequence) {
      const position = known.get(stream);
      if (position !== undefined && sequence > position.sequence) position.sequence = sequence;
    },
  };
}
