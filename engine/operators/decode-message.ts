import { isDuplicate } from '../decode/numbering.ts';
import { isRedelivery } from '../decode/redelivery.ts';
import { isOutdated, isRetainedDuplicate, rememberStamp } from '../decode/retained.ts';
import { advanceLiveClock } from '../devices/liveness.ts';
import type { Status } from '../model/item/decoded.ts';
import type { Item } from '../model/item/item.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import type { DeviceState } from '../state/device.ts';
import { findDevice, lookUpDevice, placeDevice } from '../state/directory.ts';
import type { State } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';

/** Turns a message into readings, status changes and rejections, appended to `out`. See `createDecoder`. */
export type Decoder = (
  record: MessageRecord,
  out: Item[],
  isKnown?: (record: MessageRecord) => boolean,
  nowAt?: number,
) => void;

/** What the functions below need to make items of messages. */
export interface MessageDecoding {
  readonly decoder: Decoder;
  readonly state: State;
  /** By stream index. */
  readonly streams: readonly StreamDecoding[];
  /** Whether this retained message was brought before. */
  readonly isKnown: (record: MessageRecord) => boolean;
  /** See `DecoderOptions`. */
  readonly maxAheadMs: number;
  readonly counters: Counters;
}

interface StreamDecoding {
  readonly plan: StreamPlan;
  readonly state: StreamState;
}

/** Prepares the decoding of messages, for all streams of the plan. */
export function createMessageDecoding(
  decoder: Decoder,
  { streams }: Plan,
  state: State,
  maxAheadMs: number,
  counters: Counters,
): MessageDecoding {
  return {
    decoder,
    state,
    streams: streams.map((plan) => ({ plan, state: state.streams[plan.index]! })),
    isKnown: (record) => isRetainedDuplicate(state.brought[record.connection]!, record),
    maxAheadMs,
    counters,
  };
}

/** Appends what a message says, without what is known already, and stamps it with live time. */
export function takeMessage(decoding: MessageDecoding, record: MessageRecord, out: Item[]): void {
  const { decoder, state, isKnown, counters } = decoding;
  const { connection, at, retain } = record;
  const clock = state.clocks[connection]!;
  if (clock.countedAt !== at) advanceLiveClock(clock, at);
  // Retained messages do not come from the session's queue, so older messages may still wait in it.
  if (clock.connected && !retain) state.sessions[connection]!.heardAt = at;
  if (isRedelivery(state.deliveries[connection]!, record)) {
    counters.messages_redelivered += 1;
    return;
  }
  let kept = out.length;
  decoder(record, out, isKnown);
  for (let i = kept; i < out.length; i++) {
    const item = admit(decoding, out[i]!, retain, clock.liveMs);
    if (item !== undefined) out[kept++] = item;
  }
  if (kept < out.length) out.length = kept;
}

/** The item to pass on; undefined if nothing is left of it, which is counted. */
function admit(decoding: MessageDecoding, item: Item, retained: boolean, liveMs: number): Item | undefined {
  if (item.kind === 'reading') return admitReading(decoding, item, retained, liveMs);
  return item.kind === 'status' ? admitStatus(decoding, item, liveMs) : item;
}

function admitReading(
  { streams, state, maxAheadMs, counters }: MessageDecoding,
  reading: Reading,
  retained: boolean,
  liveMs: number,
): Item | undefined {
  const { plan, state: directory } = streams[reading.stream]!;
  const { config, usesAttributes } = plan;
  const known = findDevice(directory, reading.device);
  let skewed = known?.skewed ?? false;
  if (retained) {
    if (!isNews(known, reading, counters)) return undefined;
    reading.retained = true;
  } else skewed = settleStamp(known, reading, maxAheadMs, counters);
  const device = known ?? lookUpDevice(plan, directory, reading.device, reading.labels);
  if (device === undefined) return overLimit(reading, retained, counters);
  directory.changedKeys.touch(device);
  device.skewed = skewed;
  const { sequence } = config;
  if (sequence !== undefined && isDuplicate(device, reading, sequence, counters)) return undefined;
  if (config.time !== undefined && !retained) rememberStamp(device, reading);
  reading.liveMs = liveMs;
  reading.place = placeDevice(plan, directory, device, reading.labels, reading);
  if (usesAttributes) reading.attributes = state.attributes.ofReadings.get(reading.device)?.values;
  return reading;
}

/** What is left of a reading of a device that there is no room for: its row. */
function overLimit(reading: Reading, retained: boolean, counters: Counters): Item | undefined {
  if (retained) {
    // Nothing is remembered about the device, so it may have sent this reading already.
    counters.readings_outdated += 1;
    return undefined;
  }
  counters.readings_over_device_limit += 1;
  return { kind: 'stored', offset: reading.offset, at: reading.receivedAt, made: reading };
}

function admitStatus({ streams, counters }: MessageDecoding, status: Status, liveMs: number): Status | undefined {
  const { plan, state } = streams[status.stream]!;
  const device = lookUpDevice(plan, state, status.device, status.labels);
  if (device === undefined) {
    counters.statuses_over_device_limit += 1;
    return undefined;
  }
  // A status topic need not have every label, so a status does not change the labels of a known device.
  status.liveMs = liveMs;
  status.place = placeDevice(plan, state, device, device.place!.labels, status);
  return status;
}

/** A device's clock counts as right again if its lead is less than this part of `maxAheadMs`. */
const CLEARLY_RIGHT = 0.8;

/**
 * Sets the stamps of a device whose clock is ahead back to the receive time. If the clock is ahead by about `maxAheadMs`, some stamps are above
 * the limit and some below it. If only those above were set back, half of the readings would be late. So once one is set back, all are, until
 * the clock is clearly right. A device whose first reading is near the limit counts as above it. Returns whether the clock is ahead.
 */
function settleStamp(
  device: DeviceState | undefined,
  reading: Reading,
  maxAheadMs: number,
  counters: Counters,
): boolean {
  const { time, receivedAt, clamped } = reading;
  const isNear = time > receivedAt + CLEARLY_RIGHT * maxAheadMs;
  if (!clamped && !isNear) return false;
  if (!clamped) {
    if (device?.skewed === false) return false;
    reading.stamp = time;
    reading.time = receivedAt;
    reading.clamped = true;
    counters.readings_clamped += 1;
  }
  return true;
}

/** Whether a retained reading says something new; counts it if not. A reading whose stamp is not usable says nothing new. */
function isNews(device: DeviceState | undefined, reading: Reading, counters: Counters): boolean {
  if (!reading.clamped && (device === undefined || !isOutdated(device, reading))) return true;
  counters.readings_outdated += 1;
  return false;
}

/** A batch that a row of this time opens leaves with the next tick. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/**
 * Appends what a redriven message says, to be stored only. Leaves out a status, which may have changed since. Rejects readings that are by now
 * older than the stream's `retain`, since the table would drop their rows.
 */
export function takeRedriven({ decoder, state }: MessageDecoding, record: MessageRecord, out: Item[]): void {
  const { offset } = record;
  const made: Item[] = [];
  const nowAt = Math.max(record.at, ...state.clocks.map(({ countedAt }) => countedAt));
  decoder(record, made, undefined, nowAt);
  for (const item of made) {
    if (item.kind === 'reading') item.late = true;
    if (item.kind === 'reading' || item.kind === 'rejected')
      out.push({ kind: 'stored', offset, at: LONG_AGO, made: item });
  }
}
