import { setTimeout as sleep } from 'node:timers/promises';
import { createPublisher, type Publisher } from '../../../connectors/mqtt-publisher/publisher.ts';
import type { FaultSpec } from '../../simulator/assignment.ts';
import { createReplay, type SeriesReplayOptions } from '../../simulator/replay.ts';
import { createSimulator, type Simulator } from '../../simulator/simulator.ts';
import { countMessage, createTally, type SimulatedMessage, type Tally } from '../../simulator/tally.ts';
import { reportOf, type SimulationProgress, type SimulationReport } from './report.ts';

export type { SimulationProgress, SimulationReport } from './report.ts';

/** The options of a fleet of simulated devices; see `createSimulator`. */
export interface FleetSource {
  readonly kind: 'fleet';
  readonly devices: number;
  readonly everyMs: number;
  readonly seed: number;
  readonly faults: readonly FaultSpec[];
  /** The first timestamp. Default: now; without pacing, early enough that timestamps do not get ahead of the clock. */
  readonly startAt?: number;
}

/** The options of a recorded series; see `createReplay`. A speed of Infinity sends without pacing. */
export type ReplaySource = { readonly kind: 'replay' } & Pick<
  SeriesReplayOptions,
  'points' | 'device' | 'field' | 'speed' | 'shift'
>;

export interface SimulationOptions {
  readonly broker: { readonly url: string; readonly username?: string; readonly password?: string };
  readonly source: FleetSource | ReplaySource;
  /** The topic template, with `{site}` and `{device}`. Default `plant/{site}/{device}/data`. */
  readonly topic?: string;
  /** Default 1. */
  readonly qos?: 0 | 1 | 2;
  /** True (default): send each message when it is due. False: send as fast as the broker acknowledges; a fleet then needs a count or a time. */
  readonly paced?: boolean;
  /** Stop after this many messages. */
  readonly count?: number;
  /** Stop after this time. With pacing, messages that are due later are not sent. */
  readonly forMs?: number;
  /** How long to wait for the first connection. Default 10 s. */
  readonly connectMs?: number;
  /** Called when the connection is established or lost, or an attempt fails. */
  readonly onConnection?: (connected: boolean, reason?: string) => void;
}

/** The broker could not be reached, or refused the login. */
export class BrokerUnavailable extends Error {
  override readonly name = 'BrokerUnavailable';
}

/** Longest wait for acknowledgements at the end. */
const DRAIN_MS = 5_000;
/** Time after the planned end at which a paced run is stopped, in case the broker never comes back. */
const GRACE_MS = 10_000;
/** More than any broker accepts per second. It limits how far the timestamps of an unpaced run can advance. */
const FASTEST_PER_SECOND = 200_000;
const PROGRESS_MS = 1_000;
/** The longest delay of a timer. */
const LONGEST_WAIT_MS = 2 ** 31 - 1;

interface Run {
  readonly options: SimulationOptions;
  readonly publisher: Publisher;
  readonly source: { next(): SimulatedMessage | undefined };
  readonly fleet: Simulator | undefined;
  readonly startedAt: number;
  readonly acknowledged: Tally;
  sent: number;
}

/**
 * Publishes the messages of a fleet or a series until the count, the time, the end of the series or the signal. Then it waits for the
 * acknowledgements and returns the report. Calls `onProgress` once a second. Rejects with `BrokerUnavailable`, or with a RangeError for
 * options out of bounds. With QoS 0 a message counts as acknowledged once the socket has it.
 */
export async function runSimulation(
  options: SimulationOptions,
  signal: AbortSignal,
  onProgress?: (progress: SimulationProgress) => void,
): Promise<SimulationReport> {
  let reason: string | undefined;
  // The source is also created before the connection, so that wrong options fail before anything is opened.
  createSource(options, 0);
  const publisher = createPublisher({
    ...options.broker,
    onConnection(connected, why) {
      reason = why;
      options.onConnection?.(connected, why);
    },
  });
  try {
    const { url } = options.broker;
    const open = await publisher.open(options.connectMs ?? 10_000, signal).catch(refused(url));
    if (!open && !signal.aborted) throw new BrokerUnavailable(`${hostOf(url)} does not answer: ${reason ?? 'timeout'}`);
    return await runConnected(options, publisher, signal, onProgress);
  } finally {
    await publisher.close();
  }
}

async function runConnected(
  options: SimulationOptions,
  publisher: Publisher,
  signal: AbortSignal,
  onProgress: ((progress: SimulationProgress) => void) | undefined,
): Promise<SimulationReport> {
  const startedAt = Date.now();
  const run: Run = {
    options,
    publisher,
    ...createSource(options, startedAt),
    startedAt,
    acknowledged: createTally(),
    sent: 0,
  };
  const end = createEnd(options, signal);
  const timer = setInterval(() => onProgress?.(progressOf(run)), PROGRESS_MS);
  try {
    await pump(run, end.signal).catch(refused(options.broker.url));
    await publisher.drain(DRAIN_MS).catch(refused(options.broker.url));
  } finally {
    clearInterval(timer);
    end.cancel();
  }
  onProgress?.(progressOf(run));
  return reportOf(run.sent, run.acknowledged, run.fleet, Date.now() - run.startedAt);
}

async function pump(run: Run, signal: AbortSignal): Promise<void> {
  const { options, publisher } = run;
  const paced = isPaced(options);
  const count = options.count ?? Infinity;
  const endAt = paced && options.forMs !== undefined ? run.startedAt + options.forMs : Infinity;
  while (run.sent < count && !signal.aborted) {
    const message = run.source.next();
    if (message === undefined || message.at >= endAt) return;
    if (paced) await dueAt(message.at, signal);
    if (!publisher.ready()) await publisher.room(signal);
    if (signal.aborted) return;
    run.sent += 1;
    publisher.publish(message, (error) => {
      if (error === undefined) countMessage(run.acknowledged, message);
    });
  }
}

async function dueAt(at: number, signal: AbortSignal): Promise<void> {
  for (let waitMs = at - Date.now(); waitMs > 0 && !signal.aborted; waitMs = at - Date.now()) {
    // An aborted sleep rejects; the loop checks the signal itself.
    await sleep(Math.min(Math.ceil(waitMs), LONGEST_WAIT_MS), undefined, { signal }).catch(() => undefined);
  }
}

function isPaced({ paced, source }: SimulationOptions): boolean {
  return (paced ?? true) && !(source.kind === 'replay' && source.speed === Infinity);
}

/** Aborts with the caller's signal or when the time is over. Composed signals are not used, because they can be garbage-collected before they fire. */
function createEnd(options: SimulationOptions, signal: AbortSignal): { readonly signal: AbortSignal; cancel(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  const { forMs = Infinity } = options;
  const waitMs = isPaced(options) ? forMs + GRACE_MS : forMs;
  const timer = waitMs <= LONGEST_WAIT_MS ? setTimeout(abort, waitMs) : undefined;
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  return {
    signal: controller.signal,
    cancel() {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}

function createSource(options: SimulationOptions, now: number): Pick<Run, 'source' | 'fleet'> {
  const { source, topic, qos = 1 } = options;
  const wire = { qos, ...(topic !== undefined && { topic }) };
  if (source.kind === 'replay') return { source: createReplay({ ...source, ...wire, startAt: now }), fleet: undefined };
  const fleet = createSimulator({ ...source, ...wire, startAt: source.startAt ?? now - headStartMs(options, source) });
  return { source: fleet, fleet };
}

/** How far in the past the timestamps of an unpaced run start, so that they end at about now. */
function headStartMs({ paced, count, forMs }: SimulationOptions, { devices, everyMs }: FleetSource): number {
  if (paced ?? true) return 0;
  const messages = count ?? (forMs === undefined ? undefined : (forMs / 1000) * FASTEST_PER_SECOND);
  if (messages === undefined)
    throw new RangeError(
      'a simulation without pacing needs a count or a time; otherwise its timestamps would get ahead of the clock',
    );
  return Math.ceil(messages / devices) * everyMs;
}

function progressOf(run: Run): SimulationProgress {
  return {
    elapsedMs: Date.now() - run.startedAt,
    sent: run.sent,
    acknowledged: run.acknowledged.messages,
    connected: run.publisher.connected(),
    active: run.fleet?.active() ?? [],
  };
}

/** Scheme, host and port of a broker's URL, without a login. */
export function hostOf(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

function refused(url: string): (error: Error) => never {
  return (error) => {
    throw new BrokerUnavailable(`${hostOf(url)}: ${error.message}`, { cause: error });
  };
}
