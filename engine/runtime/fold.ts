import type { Logger } from 'pino';
import { Subject } from 'rxjs';
import { createDecoder } from '../decode/decode.ts';
import type { SentRange } from '../delivery/ranges.ts';
import { MAX_LINE_BYTES, type StoredCheckpoint } from '../journal/checkpoint.ts';
import { TextBuffer } from '../journal/text-buffer.ts';
import type { Config } from '../model/config.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { JournalRecord } from '../model/record.ts';
import { pipeline } from '../pipeline.ts';
import { fullLimits } from '../state/directory.ts';
import { readSnapshot, restore, writeSnapshot } from '../state/snapshot.ts';
import { createState, type State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';

export interface FoldOptions {
  readonly config: Config;
  readonly plan: Plan;
  readonly journalId: string;
  /** What to begin with; undefined: nothing. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** What earlier runs have sent to ClickHouse. */
  readonly earlier: readonly SentRange[];
  /** Bytes of the longest part of the state that may be taken down. Default `MAX_LINE_BYTES`. */
  readonly maxLineBytes?: number;
  readonly onEvent: (event: EventOutput) => void;
  readonly onBatch: (batch: Batch) => void;
  /** Called when the clock of a device jumped ahead, with the event time of its reading before. */
  readonly onJump?: (reading: Reading, from: number) => void;
  readonly log: Logger;
  readonly counters: Counters;
}

/** The fold of the journal that runs, with what it remembers. */
export interface Fold {
  /** Folds records. Their events go out ahead of their rows: a large batch takes its time. */
  feed(records: readonly JournalRecord[]): void;
  /**
   * What it remembers, as lines of JSON in UTF-8; in memory that the next call uses again. Throws a RangeError where a part of it is too
   * long to be read back.
   */
  takeState(): readonly Buffer[];
  /** JSON text of the attributes of each device that has some. */
  attributes(): Map<string, string>;
  /** The latest receive time that it has seen. */
  receivedUpTo(): number;
  readonly devices: number;
  /** The limits that are reached: `50000 devices of sensors (limits.devices)`. */
  fullLimits(): string[];
}

export function createFold({
  config,
  plan,
  journalId,
  checkpoint,
  earlier,
  maxLineBytes = MAX_LINE_BYTES,
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
  const snapshot = new TextBuffer(maxLineBytes);
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
      records$.next(records);
      for (const batch of batches.splice(0)) onBatch(batch);
    },
    takeState() {
      snapshot.clear();
      writeSnapshot(plan, brokers, state, (line) => snapshot.writeLine(line));
      return snapshot.chunks;
    },
    receivedUpTo: () => Math.max(...state.clocks.map(({ countedAt }) => countedAt)),
    attributes: () => new Map(Array.from(state.attributes.ofReadings, ([device, { text }]) => [device, text])),
    // Those of derived streams are no devices, or the same ones again.
    fullLimits: () => fullLimits(plan, state),
    get devices() {
      return streams.reduce((sum, _, i) => sum + state.streams[i]!.devices.size, 0);
    },
  };
}

function restoreFrom(checkpoint: StoredCheckpoint, plan: Plan, brokers: readonly string[], log: Logger): State {
  const { state, dropped } = restore(plan, brokers, readSnapshot(checkpoint.lines()));
  if (dropped.length > 0) {
    log.warn(
      { dropped, resolved: state.alerting.removedRuleAlerts.length },
      'rules or streams changed: what was remembered for them is gone, and their open alerts are told as resolved',
    );
  }
  return state;
}
