import type { JournalRecord, MarkName } from '../../engine/model/record.ts';
import { SITE_DEVICES } from './scale-engine.ts';

/** When the first window begins; milliseconds since the epoch. */
const START_AT = 1_769_860_800_000;
/** Messages per read of the socket. */
const CHUNK = 64;
/** Devices send in an order that has nothing to do with their names. A prime, so that each device has its turn. */
const STRIDE = 7_919;
/** Of so many sites, one belongs to the few devices that change alone. */
const FEW = 100;
const PACKET_IDS = 10_000;

/** Makes the records of a journal for a fleet, one after the other. */
export interface ScaleJournal {
  /** The offset of the next record. */
  readonly nextOffset: number;
  tick(atMs: number): JournalRecord[];
  mark(mark: MarkName, atMs: number): JournalRecord[];
  /** A reading of each device, spread over `spanMs` from `atMs` on; `few`: of 1 % of the sites only. */
  readings(which: 'all' | 'few', atMs: number, spanMs: number): Generator<JournalRecord[]>;
}

/** `atMs` counts from `START_AT`. */
export function createScaleJournal(devices: number): ScaleJournal {
  let nextOffset = 0;
  const stride = devices % STRIDE === 0 ? 1 : STRIDE;
  const message = (device: number, at: number): JournalRecord => {
    const offset = nextOffset++;
    // Like the journal, this makes a string without parts, and a view of bytes.
    const topic = Buffer.from(`plant/site-${Math.floor(device / SITE_DEVICES)}/press-${device}/data`).toString();
    const temp = 20 + ((offset * 7_919) % 500) / 10;
    const payload = Buffer.from(`{"ts":${at},"temp":${temp},"humidity":${(offset * 31) % 100}}`);
    const packetId = 1 + (offset % PACKET_IDS);
    return { kind: 'message', offset, at, connection: 0, topic, payload, qos: 1, retain: false, dup: false, packetId };
  };
  return {
    get nextOffset() {
      return nextOffset;
    },
    tick: (atMs) => [{ kind: 'tick', offset: nextOffset++, at: START_AT + atMs }],
    mark: (mark, atMs) => [
      { kind: 'mark', offset: nextOffset++, at: START_AT + atMs, mark, connection: mark === 'connected' ? 0 : -1 },
    ],
    *readings(which, atMs, spanMs) {
      let chunk: JournalRecord[] = [];
      for (let i = 0; i < devices; i++) {
        const device = (i * stride) % devices;
        if (which === 'few' && Math.floor(device / SITE_DEVICES) % FEW !== 0) continue;
        const at = START_AT + atMs + Math.floor((i * spanMs) / devices);
        if (chunk.push(message(device, at)) < CHUNK) continue;
        yield chunk;
        chunk = [];
      }
      if (chunk.length > 0) yield chunk;
    },
  };
}
