import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import {
  alertingHead,
  beginRemovedRules,
  findRemovedRules,
  listRemovedRules,
  type RemovedRulesRestoration,
  restoreAlertingHead,
  restoreTimedKeys,
  tracesOf,
} from './alerting.ts';
import { restoreAttributes, writeAttributes } from './attributes.ts';
import { connectionsHead, restoreConnections } from './connections.ts';
import type { Piece, SnapshotHead } from './pieces.ts';
import { compareRules, type RestoreContext } from './restore-context.ts';
import { createState, type State } from './state.ts';
import { beginStream, restoreStreamPart, restoreTimers, type StreamRestoration, writeStream } from './stream.ts';
import { takeApart, type WholeSnapshot } from './whole-snapshot.ts';

/**
 * Writes the state as lines of JSON, one for each piece. A single text could become longer than a string may be, and the objects that it is made
 * from would outlive the young generation of the garbage collector.
 */
export function writeSnapshot(
  plan: Plan,
  brokers: readonly string[],
  state: State,
  writeLine: (line: string) => void,
): void {
  const write = (piece: Piece) => writeLine(JSON.stringify(piece));
  const open = new Set<RulePlan>();
  write(['head', headOf(plan, brokers, state)]);
  for (const alert of state.alerting.removedRuleAlerts) write(['orphan', alert]);
  for (const stream of plan.streams) writeStream(plan, stream, state.streams[stream.index]!, open, write);
  writeAttributes(state.attributes, write);
  write(tracesOf(plan, open));
}

function headOf(plan: Plan, brokers: readonly string[], state: State): SnapshotHead {
  return {
    ...connectionsHead(brokers, state),
    // After a cut, every level has seen the same.
    steppedMs: state.steppedMs[0]!,
    rules: Object.fromEntries(plan.rules.map(({ name, version }) => [name, version])),
    ...alertingHead(plan, state.alerting),
  };
}

/** Writes the state as one text, for tests of rules. */
export function snapshot(plan: Plan, brokers: readonly string[], state: State): string {
  const lines: string[] = [];
  writeSnapshot(plan, brokers, state, (line) => lines.push(line));
  return lines.join('\n');
}

/** Reads the pieces that lines hold. Older versions wrote the whole state as one object, which is taken apart. */
export function* readSnapshot(lines: Iterable<string>): Generator<Piece> {
  for (const line of lines) {
    const content = JSON.parse(line) as Piece | WholeSnapshot;
    if ('streams' in content) yield* takeApart(content);
    else yield content;
  }
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
  const { context, removedRules } = restoration;
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
  /** The stream that the next pieces belong to. Undefined: the plan does not have it, or it has changed. */
  stream: StreamRestoration | undefined;
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
  return { state, context, removedRules: beginRemovedRules(), stream: undefined };
}

function restorePiece(restoration: Restoration, piece: Exclude<Piece, readonly ['head', SnapshotHead]>): void {
  const { state, context, removedRules, stream } = restoration;
  const [kind, from] = piece;
  if (kind === 'orphan') removedRules.known.push(from);
  else if (kind === 'traces') removedRules.traces = from;
  else if (kind === 'attributes') restoreAttributes(context.plan, state.attributes, from);
  else if (kind === 'stream') restoration.stream = beginStream(context, state.streams, from);
  else {
    if (kind === 'key') findRemovedRules(removedRules, from, stream !== undefined, context);
    if (stream !== undefined) restoreStreamPart(stream, piece, context);
  }
}
