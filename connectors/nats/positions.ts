import type { JetStreamManager } from 'nats';
import type { StreamPositions } from '../../engine/ports.ts';
import { STREAM_NAMES, type StreamName } from './streams.ts';

/** How far the streams of events have come, as far as we heard. */
export interface Positions {
  now(): StreamPositions;
  /** What an earlier run heard. */
  startWith(positions: StreamPositions): void;
  /** Asks the server. A stream that we may not ask about has no position. */
  look(manager: JetStreamManager): Promise<void>;
  /** The server has given this number to a message. */
  take(stream: StreamName, sequence: number): void;
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
    async look(manager) {
      for (const stream of STREAM_NAMES) {
        try {
          const { created, state } = await manager.streams.info(stream);
          known.set(stream, { created: String(created), sequence: state.last_seq });
        } catch {
          // Then the time says what may come again.
          known.delete(stream);
        }
      }
    },
    take(stream, sequence) {
      const position = known.get(stream);
      if (position !== undefined && sequence > position.sequence) position.sequence = sequence;
    },
  };
}
