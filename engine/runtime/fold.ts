import type { Logger } from 'pino';
import { Subject } from 'rxjs';
import { createDecoder } from '../decode/decode.ts';
import type { SentRange } from '../delivery/ranges.ts';
import type { StoredCheckpoint } from '../journal/checkpoint/open.ts';
import type { Config } from '../model/config.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { JournalRecord } from '../model/record.ts';
import { pipeline } from '../pipeline.ts';
import { beginCapture, type Capture } from '../state/changes.ts';
import { fullLimits } from '../state/directory.ts';
import { jsonPiece } from '../state/json-piece.ts';
import { readSnapshot } from '../state/read-snapshot.ts';
import { headsOf, restore } from '../state/snapshot.ts';
import { createState, type State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';

/**
 * Bounds of the records that pass the chain together. All that they cause is in memory at the same time; with more, the garbage collector
 * copies most of it several times. The bytes are those of payloads: a message of a gateway has many readings. Outcomes do not depend on
 * these numbers.
 */
const FOLDED_AT_ONCE = 64;
const FOLDED_BYTES = 16 * 1024;

export interface FoldOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly journalId: string;
  /** Where the fold begins; undefined to begin with an empty state. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** Rows that earlier runs have sent to ClickHouse: they go into the same batches again. */
  readonly earlier: readonly SentRange[];
  readonly onEvent: (event: EventOutput) => void;
  readonly onBatch: (batch: Batch) => void;
  /** Called when the clock of a device jumped ahead, with the event time of its previous reading. */
  readonly onJump?: (reading: Reading, from: number) => void;
  readonly log: Logger;
  readonly counters: Counters;
}

/** The running fold of the journal, with its state. */
export interface Fold {
  /** Folds records. It passes on their events before their batches, because a large batch takes longer to deliver. */
  feed(records: readonly JournalRecord[]): void;
  /**
   * Begins to capture the state for a checkpoint. Call it right after a cut, while no other capture is in progress. `isFull`: all parts, not only
   * those that changed since the last capture. `write` gets each part with its content, which is valid during the call, and undefined if it was removed; `feed` may call it too.
   */
  capture(isFull: boolean, write: (part: number, content: Uint8Array | undefined) => void): FoldCapture;
  /** Whether the last tick has left work that is due. The next tick continues it. */
  readonly hasMoreDue: boolean;
  /** The attributes of each device that has some, as JSON text. */
  attributes(): Map<string, string>;
  /** The latest receive time of all folded records; milliseconds since the epoch. */
  receivedUpTo(): number;
  /** Known devices of all streams. */
  readonly devices: number;
  /** The limits that are reached: `50000 devices of sensors (limits.devices)`. */
  fullLimits(): string[];
}

/** The state right after a cut, while it is being captured. */
export interface FoldCapture extends Capture {
  /** What is needed before any part. */
  readonly heads: readonly Buffer[];
}

export function createFold({
  config,
  plan,
  journalId,
  checkpoint,
  earlier,
  onEvent,
  onBatch,
  onJump,
  log,
  counters,
}: FoldOptions): Fold {
  const brokers = config.mqtt.map((broker) => broker.name);
  const state =
    checkpoint === undefined ? createState(plan, brokers.length) : restoreFrom(checkpoint, plan, brokers, log);
  const { streams, maxAheadMs } = config;
  const records$ = new Subject<readonly JournalRecord[]>();
  const batches: Batch[] = [];
  pipeline(records$, {
    plan,
    state,
    decoder: createDecoder({ streams, brokers, maxAheadMs, counters }),
    brokers,
    context: { journalId, instance: config.mqtt[0]!.clientId, database: config.clickhouse.database },
    limits: config.clickhouse.batch,
    earlier,
    maxBehindMs: maxAheadMs,
    ...(onJump !== undefined && { onJump }),
    counters,
  }).subscribe((output) => {
    if (output.kind === 'batch') batches.push(output);
    else onEvent(output);
  });
  return {
    feed(records) {
      for (let from = 0; from < records.length; ) {
        const to = endOfSlice(records, from);
        records$.next(from === 0 && to === records.length ? records : records.slice(from, to));
        from = to;
      }
      for (const batch of batches.splice(0)) onBatch(batch);
    },
    capture(isFull, write) {
      const heads = headsOf(plan, brokers, state).map(jsonPiece);
      return { heads, ...beginCapture(state.sections, isFull, write) };
    },
    receivedUpTo: () => Math.max(...state.clocks.map(({ countedAt }) => countedAt)),
    attributes: () => new Map(Array.from(state.attributes.ofReadings, ([device, { text }]) => [device, text])),
    fullLimits: () => fullLimits(plan, state),
    get hasMoreDue() {
      return state.hasMoreDue;
    },
    get devices() {
      // Only streams of the config: devices of derived streams are keys of a view, or are counted already.
      return streams.reduce((sum, _, i) => sum + state.streams[i]!.deviceCount, 0);
    },
  };
}

/** The end of the records that pass the chain together with the one at `from`. */
function endOfSlice(records: readonly JournalRecord[], from: number): number {
  const most = Math.min(records.length, from + FOLDED_AT_ONCE);
  let bytes = 0;
  let to = from;
  while (to < most && bytes < FOLDED_BYTES) {
    const record = records[to++]!;
    if (record.kind === 'message') bytes += record.payload.length;
  }
  return to;
}

function restoreFrom(checkpoint: StoredCheckpoint, plan: Plan, brokers: readonly string[], log: Logger): State {
  const { state, dropped } = restore(plan, brokers, readSnapshot(checkpoint.pieces()));
  if (dropped.length > 0) {
    log.warn(
      { dropped, resolved: state.alerting.removedRuleAlerts.length },
      'these rules or streams have changed: their state from before is dropped, and their open alerts are resolved',
    );
  }
  return state;
}
