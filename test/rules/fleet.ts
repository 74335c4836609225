import { readdirSync, readFileSync } from 'node:fs';
import { DEFAULT_FAULTS } from '../../engine/commands/demo/options.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import type { FaultSpec } from '../../engine/simulator/assignment.ts';
import type { FaultName } from '../../engine/simulator/faults.ts';
import { createSimulator, type Simulator } from '../../engine/simulator/simulator.ts';
import type { SimulatedMessage } from '../../engine/simulator/tally.ts';
import { type Setup, setUp, startFold, takeApart } from '../pipeline/kit.ts';

const RULES = new URL('../../rules/', import.meta.url);
const SAMPLE_CONFIG = new URL('../../deploy/weir.json', import.meta.url);
const START_AT = Date.UTC(2026, 0, 31, 12);
const TICK_MS = 1_000;

/** An alert of a shipped rule from its firing to its end. */
export interface Alert {
  readonly rule: string;
  readonly key: string;
  /** What it said when it fired. */
  readonly message: string;
  /** Milliseconds since the simulation began. */
  readonly at: number;
  readonly resolvedAt: number | undefined;
}

/** What a fleet had, and what the shipped rules said of it. */
export interface Watched {
  readonly alerts: readonly Alert[];
  /** Every stretch of trouble of every device; milliseconds since the beginning. */
  readonly episodes: readonly Episode[];
}

/** A stretch in which a device had a fault, to the second. */
export interface Episode {
  readonly fault: FaultName;
  readonly device: string;
  readonly from: number;
  to: number;
}

/** Devices of the demo, or with other faults, for so many seconds; `seed` chooses who has what. */
export interface FleetOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly devices?: number;
  readonly everyMs?: number;
  readonly faults?: readonly FaultSpec[];
}

/** The files in `rules/`, as they are shipped. */
export function shippedRules(): object[] {
  return readdirSync(RULES)
    .filter((name) => name.endsWith('.rule.json'))
    .map((name) => JSON.parse(readFileSync(new URL(name, RULES), 'utf8')) as object);
}

/** The streams that the shipped rules are for. */
export function sampleStreams(): object {
  return (JSON.parse(readFileSync(SAMPLE_CONFIG, 'utf8')) as { readonly streams: object }).streams;
}

/** Folds what a simulated fleet sends under the shipped rules. */
export function watchFleet(options: FleetOptions): Watched {
  const setup = setUp(shippedRules(), { streams: sampleStreams() });
  const episodes: Episode[] = [];
  return { alerts: alertsOf(setup, recordsOf(options, episodes)), episodes };
}

/** Records in order of time; `episodes` gets what the devices had meanwhile. */
function recordsOf(options: FleetOptions, episodes: Episode[]): JournalRecord[] {
  const { seconds, seed, devices = 50, everyMs = 1_000, faults = DEFAULT_FAULTS } = options;
  const simulator = createSimulator({ devices, everyMs, seed, startAt: START_AT, faults });
  const records: JournalRecord[] = [
    { kind: 'mark', offset: 0, at: START_AT, mark: 'started', connection: -1 },
    { kind: 'mark', offset: 1, at: START_AT, mark: 'connected', connection: 0 },
  ];
  const endAt = START_AT + seconds * 1_000;
  for (let tickAt = START_AT + TICK_MS, message = simulator.next(); message.at < endAt; message = simulator.next()) {
    for (; tickAt <= message.at; tickAt += TICK_MS) {
      records.push({ kind: 'tick', offset: records.length, at: tickAt });
      noteEpisodes(simulator.active(), tickAt - START_AT, everyMs, episodes);
    }
    records.push(recordOf(message, records.length));
  }
  records.push({ kind: 'mark', offset: records.length, at: endAt, mark: 'cut', connection: -1 });
  return records;
}

function recordOf({ at, topic, payload }: SimulatedMessage, offset: number): JournalRecord {
  const message = { topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false, packetId: 0 } as const;
  return { kind: 'message', offset, at: Math.floor(at), connection: 0, ...message };
}

function noteEpisodes(
  active: ReturnType<Simulator['active']>,
  now: number,
  everyMs: number,
  episodes: Episode[],
): void {
  for (const { fault, device } of active) {
    const open = episodes.findLast((each) => each.fault === fault && each.device === device);
    if (open !== undefined && now - open.to <= 2 * TICK_MS) open.to = now;
    // The device had it since its latest reading.
    else episodes.push({ fault, device, from: now - everyMs - TICK_MS, to: now });
  }
}

function alertsOf(setup: Setup, records: readonly JournalRecord[]): Alert[] {
  const fold = startFold(setup);
  fold.feed(records);
  const alerts: (Alert & { resolvedAt: number | undefined })[] = [];
  const open = new Map<string, Alert & { resolvedAt: number | undefined }>();
  for (const { body } of takeApart(setup, fold.outputs).events) {
    const { rule, key, state, message, at } = body.data;
    const name = `${rule} ${key}`;
    const instant = Date.parse(at) - START_AT;
    if (body.type === 'weir.alert.firing') {
      const alert = { rule, key, message, at: instant, resolvedAt: undefined };
      alerts.push(alert);
      open.set(name, alert);
    } else if (body.type === 'weir.alert.resolved' && state === 'resolved') {
      const alert = open.get(name);
      if (alert !== undefined) alert.resolvedAt = instant;
      open.delete(name);
    }
  }
  return alerts;
}
