import { isDuplicate } from '../decode/numbering.ts';
import { forgetDeliveries, isRedelivery, settleDeliveries, unsettleDeliveries } from '../decode/redelivery.ts';
import { isOutdated, isRetainedDuplicate, rememberStamp } from '../decode/retained.ts';
import { loseSession, resumeSession } from '../decode/session-gap.ts';
import { advanceLiveClock } from '../devices/liveness.ts';
import { readAttributes } from '../model/attributes.ts';
import type { Item } from '../model/item/item.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { Reading } from '../model/reading.ts';
import type { AttributesRecord, JournalRecord, MarkRecord, MessageRecord } from '../model/record.ts';
import { admitDevice } from '../state/directory.ts';
import type { State } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';
import { lift } from './lift.ts';

/** Turns a message into readings, status changes and rejections, appended to `out`. See `createDecoder`. */
export type Decoder = (
  record: MessageRecord,
  out: Item[],
  isKnown?: (record: MessageRecord) => boolean,
  nowAt?: number,
) => void;

export interface DecodeOptions {
  readonly decoder: Decoder;
  readonly plan: Plan;
  readonly state: State;
  /** Names of the brokers, by their index. */
  readonly brokers: readonly string[];
  readonly counters: Counters;
  /** See `DecoderOptions`. */
  readonly maxAheadMs: number;
}

/**
 * Turns journal records into items and stamps them with live time, and readings with the attributes of their device where a rule looks
 * at them. What a broker delivers again, for want of an acknowledgement, stops here, and so do readings that their device's own count
 * shows to have come before, and retained ones that say nothing new. Marks pass, and the one by which a lost session is made good brings the
 * gap that it leaves; a tick carries every connection's live time. What a redriven message says is stored, and nothing else comes of it: it
 * moves no clock. Of a device that there is no room for, readings are stored, and nothing is remembered.
 */
export const decode = ({ decoder, plan, state, brokers, counters, maxAheadMs }: DecodeOptions) => {
  const usesAttributes = plan.streams.map((stream) => stream.usesAttributes);
  const isStamped = plan.streams.map((stream) => stream.config.time !== undefined);
  const isKnown = (record: MessageRecord) => isRetainedDuplicate(state.brought[record.connection]!, record);
  const sequences = plan.streams.map((stream) => stream.config.sequence);
  const { ofReadings } = state.attributes;
  return lift<JournalRecord>((record, out) => {
    if (record.kind === 'message') {
      if (record.redriven) {
        seeRedriven(decoder, record, state, out);
        return;
      }
      const clock = state.clocks[record.connection]!;
      if (clock.countedAt !== record.at) advanceLiveClock(clock, record.at);
      // What is retained comes by a way of its own, ahead of what waits in the session.
      if (clock.connected && !record.retain) state.sessions[record.connection]!.heardAt = record.at;
      if (isRedelivery(state.deliveries[record.connection]!, record)) {
        counters.messages_redelivered += 1;
        return;
      }
      let kept = out.length;
      decoder(record, out, isKnown);
      for (let i = kept; i < out.length; i++) {
        const item = out[i]!;
        if (item.kind === 'reading') {
          if (record.retain) {
            if (!isNews(state, item, counters)) continue;
            item.retained = true;
          } else settleStamp(state.streams[item.stream]!, item, maxAheadMs, counters);
          if (!admitDevice(plan.streams[item.stream]!, state.streams[item.stream]!, item.device)) {
            state.streams[item.stream]!.skewed.delete(item.device);
            if (record.retain) {
              // Whether its device has sent it already, nobody remembers.
              counters.readings_outdated += 1;
              continue;
            }
            counters.readings_over_device_limit += 1;
            out[kept++] = { kind: 'stored', offset: item.offset, at: item.receivedAt, made: item };
            continue;
          }
          const sequence = sequences[item.stream];
          if (sequence !== undefined) {
            const { numberings } = state.streams[item.stream]!;
            if (isDuplicate(numberings, item, sequence, counters)) continue;
          }
          if (isStamped[item.stream]! && !record.retain) rememberStamp(state.streams[item.stream]!.newestSent, item);
          item.liveMs = clock.liveMs;
          if (usesAttributes[item.stream]!) item.attributes = ofReadings.get(item.device)?.values;
        } else if (item.kind === 'status') {
          if (!admitDevice(plan.streams[item.stream]!, state.streams[item.stream]!, item.device)) {
            counters.statuses_over_device_limit += 1;
            continue;
          }
          item.liveMs = clock.liveMs;
        }
        out[kept++] = item;
      }
      if (kept < out.length) out.length = kept;
    } else if (record.kind === 'tick') {
      state.clocks.forEach((clock, i) => {
        advanceLiveClock(clock, record.at);
        if (clock.connected) settleDeliveries(state.deliveries[i]!, clock.liveMs);
      });
      out.push({
        kind: 'tick',
        offset: record.offset,
        at: record.at,
        liveMs: state.clocks.map((clock) => clock.liveMs),
      });
    } else if (record.kind === 'attributes') {
      seeAttributes(plan, state, record, out);
    } else {
      seeMark(state, record);
      out.push(record);
      seeSession(state, brokers, record, out);
    }
  });
};

/** Part of the largest lead of a stamp below which a clock counts as right again. */
const CLEARLY_RIGHT = 0.8;

/**
 * A device whose clock is about `maxAheadMs` ahead would have some of its stamps taken as they are and some set back, and half of them would
 * be late. So once one is set back, all are, until the clock is clearly right. A device that begins near the limit is taken to be above it.
 */
function settleStamp(
  { admitted, skewed }: StreamState,
  reading: Reading,
  maxAheadMs: number,
  counters: Counters,
): void {
  const { device, time, receivedAt, clamped } = reading;
  const isNear = time > receivedAt + CLEARLY_RIGHT * maxAheadMs;
  if (!clamped && !isNear) {
    if (skewed.size > 0) skewed.delete(device);
    return;
  }
  const isNew = !admitted.has(device);
  if (!clamped) {
    if (!isNew && !skewed.has(device)) return;
    reading.stamp = time;
    reading.time = receivedAt;
    reading.clamped = true;
    counters.readings_clamped += 1;
  }
  skewed.add(device);
}

/** A batch that its row opens leaves with the next tick. */
const LONG_AGO = Number.NEGATIVE_INFINITY;

/** Whether a retained reading tells of something that we do not know yet; counts it where it does not. One without a stamp to go by does not. */
function isNews({ streams }: State, reading: Reading, counters: Counters): boolean {
  if (!reading.clamped && !isOutdated(streams[reading.stream]!.newestSent, reading)) return true;
  counters.readings_outdated += 1;
  return false;
}

/** A status that it may say is over. Readings for which the stream's `retain` has passed meanwhile are rejected: their rows would vanish. */
function seeRedriven(decoder: Decoder, record: MessageRecord, { clocks }: State, out: Item[]): void {
  const { offset } = record;
  const made: Item[] = [];
  const nowAt = Math.max(record.at, ...clocks.map(({ countedAt }) => countedAt));
  decoder(record, made, undefined, nowAt);
  for (const item of made) {
    if (item.kind === 'reading') item.late = true;
    if (item.kind === 'reading' || item.kind === 'rejected')
      out.push({ kind: 'stored', offset, at: LONG_AGO, made: item });
  }
}

function seeAttributes(plan: Plan, state: State, { text, ...of }: AttributesRecord, out: Item[]): void {
  const attributes = text === undefined ? undefined : readAttributes(text, plan.attributes);
  if (attributes === undefined) state.attributes.ofReadings.delete(of.device);
  else state.attributes.ofReadings.set(of.device, attributes);
  out.push({ ...of, attributes });
}

function seeSession({ sessions }: State, brokers: readonly string[], mark: MarkRecord, out: Item[]): void {
  const { offset, at, connection } = mark;
  const session = sessions[connection];
  if (session === undefined) return;
  if (mark.mark === 'session-lost') loseSession(session);
  else if (mark.mark === 'connected') {
    const gap = resumeSession(session, at);
    if (gap === undefined) return;
    out.push({ kind: 'gap', offset, broker: brokers[connection]!, reason: 'session-lost', from: gap.from, at: gap.to });
  }
}

/** After a start every connection is down until its own mark; the time in between does not count. */
function seeMark(state: State, mark: MarkRecord): void {
  // Nothing could be heard in the time that a step left out.
  for (const clock of state.clocks) clock.countedAt += mark.steppedMs ?? 0;
  state.clocks.forEach((clock, index) => {
    if (mark.mark === 'cut' || (mark.connection >= 0 && mark.connection !== index)) return;
    // A new session knows nothing of the old one's packet ids.
    if (mark.mark === 'session-lost') forgetDeliveries(state.deliveries[index]!);
    if (mark.mark === 'started' || mark.mark === 'disconnected') unsettleDeliveries(state.deliveries[index]!);
    if (mark.mark === 'started') {
      clock.connected = false;
      clock.countedAt = Math.max(clock.countedAt, mark.at);
    } else if (mark.mark === 'connected') {
      clock.connected = true;
      clock.countedAt = mark.at;
    } else if (mark.mark === 'disconnected') {
      advanceLiveClock(clock, mark.at);
      clock.connected = false;
    }
  });
}
