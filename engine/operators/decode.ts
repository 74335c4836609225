import { forgetDeliveries, settleDeliveries, unsettleDeliveries } from '../decode/redelivery.ts';
import { loseSession, resumeSession } from '../decode/session-gap.ts';
import { advanceLiveClock, type LiveClock } from '../devices/liveness.ts';
import { readAttributes } from '../model/attributes.ts';
import type { Item, Tick } from '../model/item/item.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { AttributesRecord, JournalRecord, MarkRecord, TickRecord } from '../model/record.ts';
import { setAttributes } from '../state/attributes.ts';
import { forgetIdle } from '../state/directory.ts';
import { MOST_DUE, type State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { createMessageDecoding, type Decoder, takeMessage, takeRedriven } from './decode-message.ts';
import { lift } from './lift.ts';

/** What decoding the journal's records needs. */
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
 * Turns journal records into items. Stamps readings and status changes with live time, and readings with the attributes of their device if a
 * rule uses them.
 *
 * - Messages: stops what is known already: redelivered messages, readings that are duplicates by their device's own number, and retained
 *   readings that say nothing new. Readings of devices that there is no room for are stored only, and nothing is remembered about them.
 * - Redriven messages: their content is stored, and has no other effect. They move no clock.
 * - Ticks: carry the live time of every connection, and the devices and keys that they remove because they have been idle for long.
 * - Marks: pass. The mark of the new subscription after a lost session is followed by the gap that the loss has left.
 */
export const decode = ({ decoder, plan, state, brokers, counters, maxAheadMs }: DecodeOptions) => {
  const messages = createMessageDecoding(decoder, plan, state, maxAheadMs, counters);
  return lift<JournalRecord>((record, out) => {
    if (record.kind === 'message') {
      if (record.redriven) takeRedriven(messages, record, out);
      else takeMessage(messages, record, out);
    } else if (record.kind === 'tick') takeTick(plan, state, record, out);
    else if (record.kind === 'attributes') takeAttributes(plan, state, record, out);
    else takeMark(state, brokers, record, out);
  });
};

function takeTick(plan: Plan, state: State, { offset, at }: TickRecord, out: Item[]): void {
  const { clocks, deliveries } = state;
  state.hasMoreDue = false;
  clocks.forEach((clock, i) => {
    advanceLiveClock(clock, at);
    if (clock.connected) settleDeliveries(deliveries[i]!, clock.liveMs);
  });
  const tick: Tick = { kind: 'tick', offset, at, liveMs: clocks.map(({ liveMs }) => liveMs), forgotten: [] };
  for (const stream of plan.streams) {
    if (stream.origin.kind !== 'devices') continue;
    if (forgetIdle(stream, state.streams[stream.index]!, tick, MOST_DUE)) state.hasMoreDue = true;
  }
  out.push(tick);
}

function takeAttributes(plan: Plan, { attributes }: State, { text, ...rest }: AttributesRecord, out: Item[]): void {
  const known = text === undefined ? undefined : readAttributes(text, plan.attributes);
  setAttributes(attributes, rest.device, known);
  out.push({ ...rest, attributes: known });
}

function takeMark(state: State, brokers: readonly string[], mark: MarkRecord, out: Item[]): void {
  // Nothing could be received in the time that a step of the host's clock left out.
  for (const clock of state.clocks) clock.countedAt += mark.steppedMs ?? 0;
  state.clocks.forEach((clock, index) => {
    if (mark.mark === 'cut' || (mark.connection >= 0 && mark.connection !== index)) return;
    // Packet ids of the old session mean nothing in the new one.
    if (mark.mark === 'session-lost') forgetDeliveries(state.deliveries[index]!);
    if (mark.mark === 'started' || mark.mark === 'disconnected') unsettleDeliveries(state.deliveries[index]!);
    moveClock(clock, mark);
  });
  out.push(mark);
  followSession(state, brokers, mark, out);
}

/** After a start every connection is down until its own mark. The time in between does not count as live time. */
function moveClock(clock: LiveClock, { mark, at }: MarkRecord): void {
  if (mark === 'started') {
    clock.connected = false;
    clock.countedAt = Math.max(clock.countedAt, at);
  } else if (mark === 'connected') {
    clock.connected = true;
    clock.countedAt = at;
  } else if (mark === 'disconnected') {
    advanceLiveClock(clock, at);
    clock.connected = false;
  }
}

/** Appends the gap that ends with this mark, if one does. */
function followSession({ sessions }: State, brokers: readonly string[], mark: MarkRecord, out: Item[]): void {
  const { offset, at, connection } = mark;
  const session = sessions[connection];
  if (session === undefined) return;
  if (mark.mark === 'session-lost') loseSession(session);
  if (mark.mark !== 'connected') return;
  const gap = resumeSession(session, at);
  if (gap === undefined) return;
  out.push({ kind: 'gap', offset, broker: brokers[connection]!, reason: 'session-lost', from: gap.from, at: gap.to });
}
