import { advanceLiveClock } from '../devices/liveness.ts';
import type { Item } from '../model/item.ts';
import type { JournalRecord, MarkRecord, MessageRecord } from '../model/record.ts';
import type { State } from '../state.ts';
import { lift } from './lift.ts';

/** Turns a message into readings, status changes and rejections, appended to `out`. */
export type Decoder = (record: MessageRecord, out: Item[]) => void;

/** Turns journal records into items and stamps them with live time. Marks pass; a tick carries every connection's live time. */
export const decode = (decoder: Decoder, state: State) =>
  lift<JournalRecord>((record, out) => {
    if (record.kind === 'message') {
      const clock = state.clocks[record.connection]!;
      if (clock.countedAt !== record.at) advanceLiveClock(clock, record.at);
      const start = out.length;
      decoder(record, out);
      for (let i = start; i < out.length; i++) {
        const item = out[i]!;
        if (item.kind === 'reading' || item.kind === 'status') item.liveMs = clock.liveMs;
      }
    } else if (record.kind === 'tick') {
      for (const clock of state.clocks) advanceLiveClock(clock, record.at);
      out.push({
        kind: 'tick',
        offset: record.offset,
        at: record.at,
        liveMs: state.clocks.map((clock) => clock.liveMs),
      });
    } else {
      seeMark(state, record);
      out.push(record);
    }
  });

/** After a start every connection is down until its own mark; the time in between does not count. */
function seeMark(state: State, mark: MarkRecord): void {
  state.clocks.forEach((clock, index) => {
    if (mark.mark === 'cut' || (mark.connection >= 0 && mark.connection !== index)) return;
    if (mark.mark === 'started') {
      clock.connected = false;
    } else if (mark.mark === 'connected') {
      clock.connected = true;
      clock.countedAt = mark.at;
    } else if (mark.mark === 'disconnected') {
      advanceLiveClock(clock, mark.at);
      clock.connected = false;
    }
  });
}
