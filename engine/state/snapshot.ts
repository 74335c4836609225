import type { StoredMessage } from '../decode/delivery-blocks.ts';
import type { Plan } from '../model/plan/plan.ts';
import {
  alertingHead,
  beginRemovedRules,
  findRemovedRules,
  listRemovedRules,
  type RemovedRulesRestoration,
  restoreAlertingHead,
  restoreTimedKeys,
} from './alerting.ts';
import { restoreAttributes } from './attributes.ts';
import { beginCapture } from './changes.ts';
import { connectionsHead, restoreConnections, restoreMessages } from './connections.ts';
import { jsonPiece } from './json-piece.ts';
import { PIECE_VERSION } from './piece-format.ts';
import type { Piece, SnapshotHead } from './pieces.ts';
import { compareRules, type RestoreContext } from './restore-context.ts';
import { createState, type State } from './state.ts';
import {
  beginStream,
  endStream,
  restoreStreamPart,
  restoreTimers,
  type StreamRestoration,
  streamHead,
} from './stream.ts';

/** The heads of a snapshot. Call it right after a cut. */
export function headsOf(plan: Plan, brokers: readonly string[], state: State): Piece[] {
  return [
    ['head', headOf(plan, brokers, state)],
    ...plan.streams.map((stream) => ['stream', streamHead(plan, stream, state.streams[stream.index]!)] as const),
    ...state.alerting.removedRuleAlerts.map((alert) => ['orphan', alert] as const),
  ];
}

function headOf(plan: Plan, brokers: readonly string[], state: State): SnapshotHead {
  return {
    ...connectionsHead(brokers, state),
    // After a cut, every level has seen the same.
    steppedMs: state.steppedMs[0]!,
    rules: Object.fromEntries(plan.rules.map(({ name, version }) => [name, version])),
    pieces: PIECE_VERSION,
    ...alertingHead(plan, state.alerting),
  };
}

/** The whole state as pieces, for tests of rules. No capture may be in progress. */
export function snapshot(plan: Plan, brokers: readonly string[], state: State): Buffer[] {
  const pieces = headsOf(plan, brokers, state).map(jsonPiece);
  const capture = beginCapture(state.sections, true, (_, content) => pieces.push(Buffer.from(content!)));
  capture.advance(() => false);
  capture.end();
  return pieces;
}

/**
 * Makes a state from the pieces of a snapshot. Each piece may be forgotten once the next is asked for. State of rules and streams that are gone,
 * or that changed their meaning, is left out and named in `dropped`; everything else is restored. Open alerts of what is left out wait to be
 * resolved (see `Alerting.removedRuleAlerts`). Throws if the pieces do not begin with a head.
 */
export function restore(
  plan: Plan,
  brokers: readonly string[],
  pieces: Iterable<Piece>,
): { state: State; dropped: readonly string[] } {
  const state = createState(plan, brokers.length);
  let restoration: Restoration | undefined;
  for (const piece of pieces) {
    if (piece[0] === 'head') restoration = restoreHead(plan, brokers, state, piece[1]);
    else if (restoration === undefined) throw new Error('a snapshot does not begin with its head');
    else restorePiece(restoration, piece);
  }
  if (restoration === undefined) throw new Error('a snapshot is empty');
  const { head, context, removedRules, messages } = restoration;
  restoreMessages(brokers, state, head, messages);
  for (const stream of restoration.streams) if (stream !== undefined) endStream(stream);
  for (const stream of plan.streams) restoreTimers(stream, state.streams[stream.index]!, context);
  restoreTimedKeys(plan, state.alerting, state.streams);
  state.alerting.removedRuleAlerts = listRemovedRules(removedRules);
  return { state, dropped: context.dropped };
}

/** A restoration in progress. */
interface Restoration {
  readonly state: State;
  readonly context: RestoreContext;
  readonly removedRules: RemovedRulesRestoration;
  readonly head: SnapshotHead;
  /** By broker name: messages that the broker may deliver again. */
  readonly messages: Map<string, StoredMessage[]>;
  /** In the order of their heads. Undefined: the plan does not have the stream, or it has changed. */
  readonly streams: (StreamRestoration | undefined)[];
}

function restoreHead(plan: Plan, brokers: readonly string[], state: State, head: SnapshotHead): Restoration {
  const rules = compareRules(plan, head.rules);
  const context: RestoreContext = {
    plan,
    ...rules,
    connections: restoreConnections(brokers, state, head),
    lacksNewest: head.brought === undefined,
    dropped: Object.keys(head.rules).flatMap((name) => (rules.kept.has(name) ? [] : [`rule ${name}`])),
  };
  state.steppedMs.fill(head.steppedMs ?? 0);
  restoreAlertingHead(state.alerting, head, [head.brokers, brokers], context);
  return { state, head, context, removedRules: beginRemovedRules(), messages: new Map(), streams: [] };
}

function restorePiece(restoration: Restoration, piece: Exclude<Piece, readonly ['head', SnapshotHead]>): void {
  const { state, head, context, removedRules, messages, streams } = restoration;
  const [kind, from] = piece;
  if (kind === 'orphan') removedRules.known.push(from);
  else if (kind === 'deliveries') {
    const name = head.brokers[piece[2]]!;
    const known = messages.get(name);
    if (known === undefined) messages.set(name, [...from]);
    else for (const message of from) known.push(message);
  } else if (kind === 'traces') Object.assign(removedRules.traces, from);
  else if (kind === 'attributes') restoreAttributes(context.plan, state.attributes, from);
  else if (kind === 'stream') streams.push(beginStream(context, state.streams, from));
  else {
    const stream = streams[piece[2]];
    if (kind === 'key') findRemovedRules(removedRules, from, stream !== undefined, context);
    if (stream !== undefined) restoreStreamPart(stream, piece, context);
  }
}
