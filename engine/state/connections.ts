import type { Deliveries, DeliveryBlock } from '../decode/deliveries.ts';
import { blocksOf, packBlock, type StoredMessage } from '../decode/delivery-blocks.ts';
import {
  createDeliveries,
  type DeliveriesHead,
  deliveriesHead,
  type PackedDeliveries,
  restoreDeliveries,
  unpackDeliveries,
} from '../decode/redelivery.ts';
import { packRetained, type RetainedSeen, unpackRetained } from '../decode/retained.ts';
import { createSessionTrace, type SessionTrace } from '../decode/session-gap.ts';
import { createLiveClock, type LiveClock } from '../devices/liveness.ts';
import { type Changes, createChanges, type Sections } from './changes.ts';
import { PIECE } from './piece-format.ts';
import type { PieceWriter } from './piece-writer.ts';
import type { RestoredConnection } from './restore-context.ts';

/** What the fold remembers about each connection, by broker index. All of it belongs to decode. */
export interface ConnectionsState {
  readonly clocks: LiveClock[];
  readonly deliveries: Deliveries[];
  readonly changedBlocks: Changes<DeliveryBlock>;
  readonly sessions: SessionTrace[];
  /** The retained messages that each connection has brought. */
  readonly brought: RetainedSeen[];
}

/** The part of a snapshot's head that is about connections; by broker name, except for `brokers`. */
export interface ConnectionsHead {
  /** Names of the brokers, by the connection indexes in this snapshot. */
  readonly brokers: readonly string[];
  readonly clocks: Readonly<Record<string, LiveClock>>;
  /** Older versions wrote all messages here. */
  readonly deliveries: Readonly<Record<string, DeliveriesHead | PackedDeliveries | string>>;
  /** Results of `packRetained`. Older versions did not write it. */
  readonly brought?: Readonly<Record<string, string>>;
  /** Older versions did not write it. */
  readonly sessions?: Readonly<Record<string, SessionTrace>>;
}

/** Messages that a broker may deliver again, as a piece; `broker` is its index in the snapshot. */
export type DeliveriesPiece = readonly ['deliveries', readonly StoredMessage[], broker: number];

/** Makes the state of connections that have not been up yet. */
export function createConnections(count: number, sections: Sections, writer: PieceWriter): ConnectionsState {
  const deliveries: Deliveries[] = [];
  const changedBlocks = createChanges<DeliveryBlock>(
    sections,
    () => deliveries.flatMap(blocksOf),
    (block) => {
      writer.begin();
      writer.number(PIECE.deliveries);
      writer.number(deliveries.indexOf(block.of));
      writer.value(block.holds === 'messages');
      writer.bytes(packBlock(block));
      return writer.end();
    },
  );
  for (let i = 0; i < count; i++) deliveries.push(createDeliveries(changedBlocks));
  return {
    clocks: Array.from({ length: count }, createLiveClock),
    deliveries,
    changedBlocks,
    sessions: Array.from({ length: count }, createSessionTrace),
    brought: Array.from({ length: count }, () => new Set()),
  };
}

/** What is known about the connections, as the head of a snapshot has it. `brokers` are the names, by connection index. */
export function connectionsHead(brokers: readonly string[], state: ConnectionsState): ConnectionsHead {
  return {
    brokers,
    clocks: Object.fromEntries(brokers.map((name, i) => [name, state.clocks[i]!])),
    deliveries: Object.fromEntries(brokers.map((name, i) => [name, deliveriesHead(state.deliveries[i]!)])),
    brought: Object.fromEntries(brokers.map((name, i) => [name, packRetained(state.brought[i]!)])),
    sessions: Object.fromEntries(brokers.map((name, i) => [name, state.sessions[i]!])),
  };
}

/** Restores what is known about the brokers that the config still has. Returns what each connection of the snapshot has become. */
export function restoreConnections(
  brokers: readonly string[],
  state: ConnectionsState,
  from: ConnectionsHead,
): RestoredConnection[] {
  brokers.forEach((name, i) => {
    const clock = from.clocks[name];
    if (clock !== undefined) state.clocks[i] = { ...clock };
    const deliveries = from.deliveries[name];
    if (typeof deliveries === 'string' || (deliveries !== undefined && 'messages' in deliveries))
      state.deliveries[i] = unpackDeliveries(deliveries, state.changedBlocks);
    state.brought[i] = unpackRetained(from.brought?.[name] ?? '');
    state.sessions[i] = { ...(from.sessions?.[name] ?? sessionOf(clock)) };
  });
  return from.brokers.map((name) => {
    const index = brokers.indexOf(name);
    return { index: Math.max(index, 0), seenLiveMs: index < 0 ? state.clocks[0]!.liveMs : undefined };
  });
}

/** Restores the messages of all brokers that the config still has, once all pieces are read. `messages` are by broker name. */
export function restoreMessages(
  brokers: readonly string[],
  { deliveries, changedBlocks }: ConnectionsState,
  { deliveries: from }: ConnectionsHead,
  messages: ReadonlyMap<string, readonly StoredMessage[]>,
): void {
  brokers.forEach((name, i) => {
    const head = from[name];
    if (typeof head === 'object' && 'taken' in head)
      deliveries[i] = restoreDeliveries(head, messages.get(name) ?? [], changedBlocks);
  });
}

/** The session of a snapshot that has none, of an older version. A connection with live time was heard, at the latest when its clock last counted. */
function sessionOf(clock: LiveClock | undefined): SessionTrace {
  const trace = createSessionTrace();
  if (clock !== undefined && clock.liveMs > 0) trace.heardAt = clock.countedAt;
  return trace;
}
