import { createDecoder } from '../../engine/decode/decode.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { FieldType } from '../../engine/model/field.ts';
import type { Rejected } from '../../engine/model/item/decoded.ts';
import type { Item } from '../../engine/model/item/item.ts';
import type { Reading } from '../../engine/model/reading.ts';
import type { MessageRecord } from '../../engine/model/record.ts';
import { type Counters, createCounters } from '../../engine/telemetry.ts';

/** Receive time of every sample message: 2026-01-31T12:00:00Z. */
export const RECEIVED_AT = Date.UTC(2026, 0, 31, 12);
export const MAX_AHEAD_MS = 300_000;

export function field(name: string, type: FieldType = 'number', path = name): StreamConfig['fields'][number] {
  return { name, type, path };
}

export function sampleStream(changes: Partial<StreamConfig> = {}): StreamConfig {
  return {
    name: 'sensors',
    topic: 'plant/{site}/{device}/data',
    qos: 1,
    format: 'json',
    device: { topic: 'device' },
    labels: [{ name: 'site', place: { topic: 'site' } }],
    fields: [field('temp'), field('ok', 'boolean'), field('mode', 'string')],
    undeclared: 'keep',
    coerce: false,
    forgetMs: 2_592_000_000,
    limits: { bytes: 10_000, depth: 6, fields: 20, readings: 10, devices: 50_000, keys: 50_000 },
    ...changes,
  };
}

export function message(payload: unknown, changes: Partial<MessageRecord> = {}): MessageRecord {
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload));
  return {
    kind: 'message',
    offset: 7,
    at: RECEIVED_AT,
    connection: 0,
    topic: 'plant/hall1/dev-1/data',
    payload: bytes,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 0,
    ...changes,
  };
}

export interface Decoded {
  readonly items: Item[];
  readonly readings: Reading[];
  readonly rejected: Rejected[];
  readonly counters: Counters;
}

/** Decodes messages with a new decoder. A payload that is neither bytes nor text is encoded as JSON. */
export function decodeAll(
  streams: readonly StreamConfig[],
  messages: readonly MessageRecord[],
  brokers = ['main'],
): Decoded {
  const counters = createCounters();
  const decode = createDecoder({ streams, brokers, maxAheadMs: MAX_AHEAD_MS, counters });
  const items: Item[] = [];
  for (const record of messages) decode(record, items);
  return {
    items,
    readings: items.filter((item) => item.kind === 'reading'),
    rejected: items.filter((item) => item.kind === 'rejected'),
    counters,
  };
}

export function decodeOne(
  changes: Partial<StreamConfig>,
  payload: unknown,
  record: Partial<MessageRecord> = {},
): Decoded {
  return decodeAll([sampleStream(changes)], [message(payload, record)]);
}
