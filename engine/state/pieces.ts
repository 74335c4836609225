import type { AlertingHead, AlertingPiece } from './alerting.ts';
import type { AttributesPiece } from './attributes.ts';
import type { ConnectionsHead } from './connections.ts';
import type { StreamPiece } from './stream.ts';

/**
 * A part of the state as plain data: its kind, and its content. The order of pieces: the head; alerts of removed rules; of each stream its head,
 * its keys, its devices, its last known values, its numberings; attributes; traces. Rules and streams are referred to by name, so that they
 * find their state after a change of the config.
 */
export type Piece = readonly ['head', SnapshotHead] | AlertingPiece | StreamPiece | AttributesPiece;

/** The first piece of a snapshot. */
export interface SnapshotHead extends ConnectionsHead, AlertingHead {
  /** Sum of the forward steps of the host's clock, milliseconds. Older versions did not write it. */
  readonly steppedMs?: number;
  /** By rule name: the version of the rule that the state belongs to. */
  readonly rules: Readonly<Record<string, string>>;
}
