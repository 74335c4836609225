import type { AlertingHead, AlertingPiece } from './alerting.ts';
import type { AttributesPiece } from './attributes.ts';
import type { ConnectionsHead, DeliveriesPiece } from './connections.ts';
import type { StreamHead, StreamPart } from './stream.ts';

/**
 * A part of the state as plain data: its kind, and its content. The heads come first; the other pieces follow in any order. Rules and streams
 * are referred to by name, so that they find their state after a change of the config.
 */
export type Piece = HeadPiece | DeliveriesPiece | StreamPart | AttributesPiece | AlertingPiece;

/** What the other pieces mean, and what has no pieces of its own. The first one is `head`; the streams follow in the order of the plan. */
export type HeadPiece = readonly ['head', SnapshotHead] | readonly ['stream', StreamHead];

/** The first piece of a snapshot. */
export interface SnapshotHead extends ConnectionsHead, AlertingHead {
  /** Sum of the forward steps of the host's clock, milliseconds. Older versions did not write it. */
  readonly steppedMs?: number;
  /** By rule name: the version of the rule that the state belongs to. */
  readonly rules: Readonly<Record<string, string>>;
  /** Version of the pieces that are not JSON: `PIECE_VERSION`. They refer to rules by their position in `rules`. Older versions did not write it. */
  readonly pieces?: number;
}
