import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeHeader,
  decodeRecord,
  encodeHeader,
  encodeRecord,
  HEADER_BYTES,
  maxEncodedBytes,
} from '../../engine/journal/format.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { readable, records } from './records.ts';

function encode(record: JournalRecord): Buffer {
  const buffer = Buffer.alloc(maxEncodedBytes(record));
  return buffer.subarray(0, encodeRecord(buffer, 0, record, record.offset));
}

describe('a record', () => {
  it('reads back as it was written, with other records around it', () => {
    fc.assert(
      fc.property(records, (records) => {
        const bytes = Buffer.concat(records.map(encode));
        const read: JournalRecord[] = [];
        for (let at = 0; at < bytes.length; ) {
          const next = decodeRecord(bytes, at);
          if (next.kind !== 'record') throw new Error(next.kind);
          read.push(next.record);
          at = next.end;
        }
        expect(readable(read)).toEqual(readable(records));
        expect(decodeRecord(bytes, bytes.length)).toEqual({ kind: 'incomplete' });
      }),
      { numRuns: 200 },
    );
  });

  it('is incomplete at any shorter length', () => {
    fc.assert(
      fc.property(records, (records) => {
        const bytes = encode(records[0]!);
        // Every length near the ends, and some in between.
        const step = Math.max(1, bytes.length >> 6);
        for (let length = 0; length < bytes.length; length += length < 64 || length > bytes.length - 64 ? 1 : step) {
          expect(decodeRecord(bytes.subarray(0, length), 0).kind).toBe('incomplete');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('with any single bit flipped is never read as a record', () => {
    const bytes = encode({
      kind: 'message',
      offset: 5,
      at: 9,
      connection: 1,
      topic: 't',
      payload: Buffer.from('abc'),
      qos: 1,
      retain: true,
      dup: false,
      packetId: 515,
    });
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeRecord(flipped, 0).kind).not.toBe('record');
    }
  });
});

describe('a header', () => {
  it('reads back as it was written', () => {
    const header = { journalId: '0123456789abcdef', firstOffset: 2 ** 40 + 7 };
    const bytes = encodeHeader(header);
    expect(bytes).toHaveLength(HEADER_BYTES);
    expect(decodeHeader(bytes)).toEqual(header);
    expect(decodeHeader(bytes.subarray(0, HEADER_BYTES - 1))).toBeUndefined();
    expect(decodeHeader(Buffer.alloc(HEADER_BYTES))).toBeUndefined();
  });
});
