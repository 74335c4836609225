import fc from 'fast-check';
import type { JournalRecord } from '../../engine/model/record.ts';

const at = fc.oneof(fc.nat(4_102_444_800_000), fc.double({ min: 0, max: 4e12, noNaN: true }));

const newRecord = fc.oneof(
  fc.record({
    kind: fc.constant('message' as const),
    at,
    connection: fc.nat(255),
    topic: fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom('', 'x'.repeat(65_535), 'é'.repeat(300)),
    ),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(Buffer.alloc(0), Buffer.alloc(70_000, 'x')),
    ),
    qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId: fc.nat(65_535),
  }),
  fc.record({
    kind: fc.constant('message' as const),
    at,
    connection: fc.nat(255),
    topic: fc.constantFrom('', 'plant/d1'),
    payload: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    qos: fc.constant(1 as const),
    retain: fc.boolean(),
    dup: fc.boolean(),
    packetId: fc.constant(0),
    redriven: fc.constant(true as const),
  }),
  fc.record({ kind: fc.constant('tick' as const), at }),
  fc.record({
    kind: fc.constant('mark' as const),
    at,
    mark: fc.constantFrom(
      'started' as const,
      'connected' as const,
      'disconnected' as const,
      'session-lost' as const,
      'cut' as const,
    ),
    connection: fc.integer({ min: -1, max: 200 }),
  }),
  fc.record(
    {
      kind: fc.constant('mark' as const),
      at,
      mark: fc.constantFrom('clock-stepped' as const, 'cut' as const, 'started' as const),
      connection: fc.constant(-1),
      steppedMs: fc.integer({ min: 1, max: 1e12 }),
      aheadMs: fc.integer({ min: 1, max: 1e12 }),
    },
    { requiredKeys: ['kind', 'at', 'mark', 'connection'] },
  ),
  fc.record({
    kind: fc.constant('attributes' as const),
    at,
    device: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.constantFrom('', 'é'.repeat(300))),
    text: fc.oneof(
      fc.constant(undefined),
      fc
        .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { maxKeys: 4 })
        .map((value) => JSON.stringify(value)),
    ),
  }),
);

/** Records of every kind, with offsets from 0 on. */
export const records: fc.Arbitrary<JournalRecord[]> = fc
  .array(newRecord, { minLength: 1, maxLength: 12 })
  .map((newRecords) => newRecords.map((each, offset) => ({ ...each, offset })));

/** The same with payloads as text, which compares a hundred times faster than bytes. */
export function readable(records: readonly JournalRecord[]): unknown[] {
  return records.map((record) =>
    record.kind === 'message' ? { ...record, payload: Buffer.from(record.payload).toString('latin1') } : record,
  );
}
