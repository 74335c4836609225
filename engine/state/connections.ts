import {
  createDeliveries,
  type Deliveries,
  type PackedDeliveries,
  packDeliveries,
  unpackDeliveries,
} from '../decode/redelivery.ts';
import { packRetained, type RetainedSeen, unpackRetained } from '../decode/retained.ts';
import { createSessionTrace, type SessionTrace } from '../decode/session-gap.ts';
import { createLiveClock, type LiveClock } from '../devices/liveness.ts';
import type { RestoredConnection } from './restore-context.ts';

/** What the fold remembers about each connection, by broker index. All of it belongs to decode. */
export interface ConnectionsState {
  readonly clocks: LiveClock[];
  readonly deliveries: Deliveries[];
  readonly sessions: SessionTrace[];
  /** The retained messages that each connection has brought. */
  readonly brought: RetainedSeen[];
}

/** The part of a snapshot's head that is about connections; by broker name, except for `brokers`. */
export interface ConnectionsHead {
  /** Names of the brokers, by the connection indexes in this snapshot. */
  readonly brokers: readonly string[];
  readonly clocks: Readonly<Record<string, LiveClock>>;
  /** Results of `packDeliveries`. Older versions wrote text. */
  readonly deliveries: Readonly<Record<string, PackedDeliveries | string>>;
  /** Results of `packRetained`. Older versions did not write it. */
  readonly brought?: Readonly<Record<string, string>>;
  /** Older versions did not write it. */
  readonly sessions?: Readonly<Record<string, SessionTrace>>;
}

/** Makes the state of connections that have not been up yet. */
export function createConnections(count: number): ConnectionsState {
  return {
    clocks: Array.from({ length: count }, createLiveClock),
    deliveries: Array.from({ length: count }, createDeliveries),
    sessions: Array.from({ length: count }, createSessionTrace),
    brought: Array.from({ length: count }, () => new Set()),
  };
}

/** What is known about the connections, as the head of a snapshot has it. `brokers` are the names, by connection index. */
export function connectionsHead(brokers: readonly string[], state: ConnectionsState): ConnectionsHead {
  return {
    brokers,
    clocks: Object.fromEntries(brokers.map((name, i) => [name, state.clocks[i]!])),
    deliveries: Object.fromEntries(brokers.map((name, i) => [name, packDeliveries(state.deliveries[i]!)])),
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
    state.deliveries[i] = deliveries === undefined ? createDeliveries() : unpackDeliveries(deliveries);
    state.brought[i] = unpackRetained(from.brought?.[name] ?? '');
    state.sessions[i] = { ...(from.sessions?.[name] ?? sessionOf(clock)) };
  });
  return from.brokers.map((name) => {
    const index = brokers.indexOf(name);
    return { index: Math.max(index, 0), seenLiveMs: index < 0 ? state.clocks[0]!.liveMs : undefined };
  });
}

/** The session of a snapshot that has none, of an older version. A connection with live time was heard, at the latest when its clock last counted. */
function sessionOf(clock: LiveClock | undefined): SessionTrace {
  const trace = createSessionTrace();
  if (clock !== undefined && clock.liveMs > 0) trace.heardAt = clock.countedAt;
  return trace;
}
