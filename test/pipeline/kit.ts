import { Subject } from 'rxjs';
import { parseConfig } from '../../engine/config/parse.ts';
import { createDecoder } from '../../engine/decode/decode.ts';
import type { SentRange } from '../../engine/delivery/ranges.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../engine/language/compile/compile-plan.ts';
import { parseSharedFile } from '../../engine/language/shared-file.ts';
import type { Config } from '../../engine/model/config.ts';
import type { Batch, EventOutput } from '../../engine/model/output.ts';
import type { Plan } from '../../engine/model/plan/plan.ts';
import type { JournalRecord, MarkName } from '../../engine/model/record.ts';
import { pipeline } from '../../engine/pipeline.ts';
import type { Piece } from '../../engine/state/pieces.ts';
import { readSnapshot } from '../../engine/state/read-snapshot.ts';
import { restore, snapshot } from '../../engine/state/snapshot.ts';
import { createState, type State } from '../../engine/state/state.ts';
import { type Counters, createCounters } from '../../engine/telemetry.ts';
import { type Row, readRows } from './rows.ts';

export type Output = Batch | EventOutput;

/** An engine's settings, with its rules, as its users write them. */
export interface Setup {
  readonly config: Config;
  readonly plan: Plan;
}

const STREAM = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', door: 'boolean', mode: 'string' },
  status: { topic: 'plant/{site}/{device}/status' },
};

/** Parses and compiles a config (of one broker and the stream `sensors`, unless said otherwise) and rules, with what they share; throws at any problem. */
export function setUp(
  rules: readonly object[],
  config: Readonly<Record<string, unknown>> = {},
  sharing: object = {},
): Setup {
  const file = {
    data: 'data',
    rules: 'rules',
    mqtt: { url: 'mqtt://localhost', clientId: 'weir-1' },
    streams: { sensors: STREAM },
    nats: { servers: 'nats://localhost' },
    clickhouse: { url: 'http://localhost:8123', database: 'weir' },
    ...config,
  };
  const read = parseConfig('weir.json', JSON.stringify(file), '/etc/weir');
  const { shared, problems: told } = parseSharedFile('conditions.json', JSON.stringify(sharing));
  const problems = [...read.problems, ...told];
  const parsed: ParsedRule[] = [];
  for (const content of rules) {
    const { rule, document, problems: found } = parseRuleFile('a.rule.json', JSON.stringify(content));
    problems.push(...found);
    if (rule !== undefined) parsed.push({ rule, document });
  }
  if (read.config === undefined || problems.length > 0) throw new Error(JSON.stringify(problems, null, 2));
  const compiled = compilePlan(read.config.streams, parsed, shared, {
    attributes: read.config.attributes !== undefined,
  });
  if (compiled.problems.length > 0) throw new Error(JSON.stringify(compiled.problems, null, 2));
  return { config: read.config, plan: compiled.plan };
}

/** A fold that takes records and collects what comes out. */
export interface Fold {
  readonly outputs: Output[];
  readonly state: State;
  readonly counters: Counters;
  feed(...arrays: readonly (readonly JournalRecord[])[]): void;
  /** The state as a checkpoint holds it: a line of JSON for each piece. */
  checkpoint(): string;
}

/** Starts the fold of a setup, from a checkpoint's state if one is given; `earlier` is what earlier runs have sent. */
export function startFold({ config, plan }: Setup, from?: string, earlier: readonly SentRange[] = []): Fold {
  const brokers = config.mqtt.map(({ name }) => name);
  const state = from === undefined ? createState(plan, brokers.length) : restore(plan, brokers, piecesOf(from)).state;
  const counters = createCounters();
  const records$ = new Subject<readonly JournalRecord[]>();
  const outputs: Output[] = [];
  const { maxAheadMs } = config;
  pipeline(records$, {
    plan,
    state,
    decoder: createDecoder({ streams: config.streams, brokers, maxAheadMs, counters }),
    context: { journalId: 'j0', instance: 'weir-1', database: config.clickhouse.database },
    limits: config.clickhouse.batch,
    earlier,
    maxBehindMs: maxAheadMs,
    brokers,
    counters,
  }).subscribe((output) => outputs.push(output));
  return {
    outputs,
    state,
    counters,
    feed: (...arrays) => {
      for (const each of arrays) records$.next(each);
    },
    checkpoint: () => linesOf(snapshot(plan, brokers, state)).join('\n'),
  };
}

/** Pieces of a checkpoint as lines of JSON. */
export function linesOf(pieces: Iterable<Buffer>): string[] {
  return Array.from(readSnapshot(pieces), (piece) => JSON.stringify(piece));
}

/** The pieces of a checkpoint's state, in whichever form it is. */
export function piecesOf(checkpoint: string): Piece[] {
  return [...readSnapshot(checkpoint.split('\n').map((line) => Buffer.from(line)))];
}

/** 2026-01-31T12:00:00Z, where every script begins. */
export const START_AT = Date.UTC(2026, 0, 31, 12);

export interface Sent {
  /** Milliseconds by which the device's clock is ahead of ours. */
  readonly ahead?: number;
  readonly site?: string;
  readonly connection?: number;
  /** A new subscription brought it. */
  readonly retain?: boolean;
}

/** How the broker delivered a message; by default without a packet id. */
export interface Delivery {
  readonly packetId?: number;
  readonly dup?: boolean;
  /** A new subscription brought it. */
  readonly retain?: boolean;
  /** It comes again, out of the dead letters; milliseconds since `START_AT`: when it came first. */
  readonly redrivenFrom?: number;
}

/** Writes a journal by hand; times are milliseconds since `START_AT`. */
export interface Script {
  readonly records: JournalRecord[];
  /** Time of the next record. */
  now: number;
  /** Ticks every second until `ms`, and stops there. */
  tickUntil(ms: number): void;
  tick(): void;
  /** A reading with these fields, stamped with the device's own time. */
  reading(device: string, fields: Readonly<Record<string, unknown>>, sent?: Sent): void;
  message(topic: string, payload: string | Uint8Array, connection?: number, delivery?: Delivery): void;
  mark(mark: MarkName, connection?: number): void;
  /** The host's clock is set: receive time goes forward by `steppedMs` at once, and is ahead of that clock by `aheadMs` from then on. */
  step(steppedMs: number, aheadMs?: number): void;
  /** What a device has from now on; undefined: nothing. */
  attributes(device: string, attributes: object | undefined): void;
}

/** A script that begins with a start and the connections of all brokers. */
export function createScript(brokers = 1): Script {
  const records: JournalRecord[] = [];
  const script: Script = {
    records,
    now: 0,
    tick: () => records.push({ kind: 'tick', offset: records.length, at: START_AT + script.now }),
    tickUntil: (ms) => {
      for (let at = (Math.floor(script.now / 1_000) + 1) * 1_000; at <= ms; at += 1_000) {
        script.now = at;
        script.tick();
      }
      script.now = ms;
    },
    reading: (device, fields, { ahead = 0, site = 'north', connection = 0, retain = false } = {}) =>
      script.message(
        `plant/${site}/${device}/data`,
        JSON.stringify({ ts: START_AT + script.now + ahead, ...fields }),
        connection,
        { retain },
      ),
    message: (topic, payload, connection = 0, { packetId = 0, dup = false, retain = false, redrivenFrom } = {}) =>
      records.push({
        kind: 'message',
        offset: records.length,
        at: START_AT + (redrivenFrom ?? script.now),
        connection,
        topic,
        payload: Buffer.from(payload),
        qos: 1,
        retain,
        dup,
        packetId,
        ...(redrivenFrom !== undefined && { redriven: true }),
      }),
    mark: (mark, connection = -1) =>
      records.push({ kind: 'mark', offset: records.length, at: START_AT + script.now, mark, connection }),
    step: (steppedMs, aheadMs = 0) => {
      script.now += steppedMs;
      records.push({
        kind: 'mark',
        offset: records.length,
        at: START_AT + script.now,
        mark: 'clock-stepped',
        connection: -1,
        ...(steppedMs > 0 && { steppedMs }),
        ...(aheadMs > 0 && { aheadMs }),
      });
    },
    attributes: (device, attributes) => {
      const text = attributes && JSON.stringify(attributes);
      records.push({ kind: 'attributes', offset: records.length, at: START_AT + script.now, device, text });
    },
  };
  script.mark('started');
  for (let i = 0; i < brokers; i++) script.mark('connected', i);
  return script;
}

/** The outputs of a script: rows by table, and events, once everything open has been cut. */
export interface Result {
  readonly rows: Readonly<Record<string, readonly Row[]>>;
  readonly events: readonly { readonly subject: string; readonly id: string; readonly body: CloudEvent }[];
  readonly batches: readonly Batch[];
  readonly counters: Counters;
}

export interface CloudEvent {
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an event holds differs by its type, and tests look inside.
  readonly data: any;
}

/** Folds a script and takes the outputs apart. */
export function play(setup: Setup, script: Script): Result {
  script.mark('cut');
  const fold = startFold(setup);
  fold.feed(script.records);
  return { ...takeApart(setup, fold.outputs), counters: fold.counters };
}

export function takeApart(setup: Setup, outputs: readonly Output[]): Omit<Result, 'counters'> {
  const rows: Record<string, Row[]> = { sensors: [], alerts: [], devices: [], dead_letters: [], facts: [], gaps: [] };
  const batches = outputs.filter((output) => output.kind === 'batch');
  for (const batch of batches) (rows[batch.table] ??= []).push(...readRows(batch, setup.config.streams));
  const events = outputs
    .filter((output) => output.kind === 'event')
    .map(({ subject, id, body }) => ({ subject, id, body: JSON.parse(body) as CloudEvent }));
  return { rows, events, batches };
}

/** `firing 10000`: the states that alerts of a rule went to, and when, in milliseconds since `START_AT`. */
export function changes(result: Pick<Result, 'rows'>, rule: string, key?: string): string[] {
  return result.rows
    .alerts!.filter((row) => row.rule === rule && (key === undefined || row.key === key))
    .map((row) => `${row.state} ${Math.round(((row.time as number) - START_AT) * 1_000) / 1_000}`);
}
