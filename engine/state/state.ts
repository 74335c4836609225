import type { Plan } from '../model/plan/plan.ts';
import { type Alerting, createAlerting } from './alerting.ts';
import { type Attributes, createAttributes } from './attributes.ts';
import { createSections, type Sections } from './changes.ts';
import { type ConnectionsState, createConnections } from './connections.ts';
import { createPieceWriter } from './piece-writer.ts';
import { createStream, type StreamState } from './stream.ts';

/**
 * Everything the fold remembers between records.
 *
 * Steps run one after another over whole arrays of items, so a step is ahead of the steps after it. Outcomes must not depend on how records
 * were cut into arrays. Therefore each part of the state belongs to one step, and no other step reads it. The exception is the directory, which
 * follows from the readings alone. Each part is in a file of its own, with the code that writes it to a snapshot and restores it.
 */
export interface State extends ConnectionsState {
  /** The last tick has left something that is due, see `MOST_DUE`. Any step may set it. Not part of a snapshot: the next tick finds it again. */
  hasMoreDue: boolean;
  /** Which parts of the state have changed since the last checkpoint. */
  readonly sections: Sections;
  /**
   * By level: the sum of the forward steps of the host's clock, milliseconds. Each belongs to the step that follows the clocks of its level.
   */
  readonly steppedMs: number[];
  /** By stream index. */
  readonly streams: StreamState[];
  readonly alerting: Alerting;
  readonly attributes: Attributes;
}

/**
 * How many keys of a stream a step closes or finds silent with one tick. What is left is done with the next ticks, so that no record takes long. If
 * something is left, the engine appends another tick at once. So the order of outcomes follows from the journal alone.
 */
export const MOST_DUE = 200;

/** Makes the state of an engine that has seen no record yet. */
export function createState(plan: Plan, connections: number): State {
  const sections = createSections();
  const writer = createPieceWriter();
  return {
    hasMoreDue: false,
    sections,
    ...createConnections(connections, sections, writer),
    steppedMs: Array.from({ length: plan.levels }, () => 0),
    streams: plan.streams.map((stream) => createStream(plan, stream, sections, writer)),
    alerting: createAlerting(plan, sections),
    attributes: createAttributes(plan, sections),
  };
}
