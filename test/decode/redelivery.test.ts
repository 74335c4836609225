import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockChanges, Deliveries } from '../../engine/decode/deliveries.ts';
import { blocksOf, packBlock, unpackBlock } from '../../engine/decode/delivery-blocks.ts';
import {
  createDeliveries,
  deliveriesHead,
  forgetDeliveries,
  isRedelivery,
  restoreDeliveries,
  settleDeliveries,
  unpackDeliveries,
} from '../../engine/decode/redelivery.ts';
import type { MessageRecord } from '../../engine/model/record.ts';

const message = (packetId: number, text: string, dup = false): MessageRecord => ({
  kind: 'message',
  offset: 0,
  at: 0,
  connection: 0,
  topic: 'plant/d1',
  payload: Buffer.from(text),
  qos: packetId === 0 ? 0 : 1,
  retain: false,
  dup,
  packetId,
});

const NO_CHANGES: BlockChanges = {
  next: 0,
  add: () => undefined,
  touch: () => undefined,
  remove: () => undefined,
};

/** What a checkpoint makes of the state. */
function restarted(deliveries: Deliveries): Deliveries {
  const messages = blocksOf(deliveries).flatMap((block) => unpackBlock(Buffer.from(packBlock(block))));
  return restoreDeliveries(deliveriesHead(deliveries), messages, NO_CHANGES);
}

describe('a redelivery', () => {
  it('is recognised for every number of messages in flight', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), fc.nat(65_534), fc.boolean(), (underWay, firstId, restarts) => {
        let deliveries = createDeliveries(NO_CHANGES);
        const idOf = (n: number) => ((firstId + n) % 65_535) + 1;
        // Messages that were received and acknowledged before.
        for (let n = 0; n < 70_000; n++) isRedelivery(deliveries, message(idOf(n), `before ${n}`));
        for (let n = 0; n < underWay; n++) isRedelivery(deliveries, message(idOf(n), `n ${n}`));
        if (restarts) deliveries = restarted(deliveries);
        for (let n = 0; n < underWay; n++) {
          if (!isRedelivery(deliveries, message(idOf(n), `n ${n}`, true))) throw new Error(`${n} counts as new`);
        }
      }),
      {
        numRuns: 20,
        examples: [
          [65_535, 0, true],
          [1, 65_534, true],
        ],
      },
    );
  });

  it('is recognised although a broker reuses packet ids that are in use', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 65_536, max: 200_000 }),
        fc.nat(50_000),
        fc.boolean(),
        (underWay, acked, restarts) => {
          let deliveries = createDeliveries(NO_CHANGES);
          const idOf = (n: number) => (n % 65_535) + 1;
          for (let n = 0; n < underWay; n++) isRedelivery(deliveries, message(idOf(n), `n ${n}`));
          if (restarts) deliveries = restarted(deliveries);
          for (let n = Math.min(acked, underWay); n < underWay + 100; n++) {
            const again = isRedelivery(deliveries, message(idOf(n), `n ${n}`, true));
            if (again !== n < underWay) throw new Error(`message ${n}: counts as ${again ? 'a redelivery' : 'new'}`);
          }
        },
      ),
      { numRuns: 10, examples: [[200_000, 0, true]] },
    );
  });

  it('is only searched in the latest message of a packet id after a minute of connection', () => {
    const deliveries = createDeliveries(NO_CHANGES);
    isRedelivery(deliveries, message(1, 'a'));
    isRedelivery(deliveries, message(2, 'b'));
    isRedelivery(deliveries, message(1, 'c'));
    settleDeliveries(deliveries, 0);
    settleDeliveries(deliveries, 59_999);
    expect(isRedelivery(restarted(deliveries), message(1, 'a', true))).toBe(true);
    settleDeliveries(deliveries, 60_000);
    expect(isRedelivery(deliveries, message(2, 'b', true))).toBe(true);
    expect(isRedelivery(deliveries, message(1, 'c', true))).toBe(true);
    expect(isRedelivery(deliveries, message(1, 'a', true))).toBe(false);
  });

  it('is searched among at most 262,144 unsettled messages, which bounds the memory', () => {
    const deliveries = createDeliveries(NO_CHANGES);
    for (let n = 0; n < 300_000; n++) isRedelivery(deliveries, message(1, `n ${n}`));
    expect(deliveries.unsettled.ids.length).toBe(262_144);
    expect(isRedelivery(deliveries, message(1, `n ${300_000 - 262_144}`, true))).toBe(true);
    expect(isRedelivery(deliveries, message(1, `n ${300_000 - 262_146}`, true))).toBe(false);
  });

  it('is not assumed if devices send equal payloads again and again and the packet ids have wrapped', () => {
    const deliveries = createDeliveries(NO_CHANGES);
    for (let n = 0; n < 65_535; n++) isRedelivery(deliveries, message((n % 65_535) + 1, 'open'));
    // The first delivery of these was lost. The broker resends them, with packet ids that had an equal message long ago.
    for (let id = 1; id <= 100; id++) expect(isRedelivery(deliveries, message(id, 'open', true))).toBe(false);
    // The latest messages are in flight.
    for (let id = 65_436; id <= 65_535; id++) expect(isRedelivery(deliveries, message(id, 'open', true))).toBe(true);
  });

  it('is recognised in the same way after a checkpoint', () => {
    const step = fc.record({
      id: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 65_535 })),
      text: fc.constantFrom('a', 'b'),
      dup: fc.boolean(),
      skip: fc.constantFrom(0, 0, 0, 20_000, 40_000),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const through = createDeliveries(NO_CHANGES);
        let restored = createDeliveries(NO_CHANGES);
        for (const { id, text, dup, skip } of steps) {
          for (let n = 0; n < skip; n++) {
            const between = message(60_000 + (n % 10), `between ${n}`);
            isRedelivery(through, between);
            isRedelivery(restored, between);
          }
          restored = restarted(restored);
          const again = message(id, text, dup);
          expect(isRedelivery(restored, again)).toBe(isRedelivery(through, again));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is recognised after a checkpoint of an older version', () => {
    const old = Buffer.alloc(20);
    const known = createDeliveries(NO_CHANGES);
    isRedelivery(known, message(3, 'a'));
    isRedelivery(known, message(4, 'b'));
    [3, 4].forEach((id, i) => {
      old.writeUInt16LE(id, i * 10);
      old.writeInt32LE(known.high[id]!, i * 10 + 2);
      old.writeInt32LE(known.low[id]!, i * 10 + 6);
    });
    const deliveries = unpackDeliveries(old.toString('base64'), NO_CHANGES);
    expect(isRedelivery(deliveries, message(3, 'a', true))).toBe(true);
    expect(isRedelivery(deliveries, message(4, 'b', true))).toBe(true);
    expect(isRedelivery(deliveries, message(4, 'a', true))).toBe(false);
  });

  it('is not assumed after the session is lost', () => {
    const deliveries = createDeliveries(NO_CHANGES);
    isRedelivery(deliveries, message(7, 'a'));
    forgetDeliveries(deliveries);
    expect(isRedelivery(deliveries, message(7, 'a', true))).toBe(false);
  });

  /**
   * A broker that uses its packet ids in turn and has many messages in flight. Whenever the connection ends, it redelivers them in order, until
   * the connection ends again. A message that is acknowledged is not in flight any more.
   */
  it('is recognised although connections end again and again', () => {
    const step = fc.record({ sent: fc.nat(6_000), received: fc.nat(30_000), acknowledged: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), (steps, restarts) => {
        let deliveries = createDeliveries(NO_CHANGES);
        const seen = new Set<number>();
        let underWay: number[] = [];
        let next = 0;
        for (const { sent, received, acknowledged } of steps) {
          const old = underWay.length;
          const fresh = Math.min(sent, 30_000 - old);
          for (let i = 0; i < fresh; i++) underWay.push(next++);
          underWay.slice(0, received).forEach((n, i) => {
            const again = isRedelivery(deliveries, message((n % 65_535) + 1, String(n % 10), i < old));
            if (again !== seen.has(n)) throw new Error(`message ${n}: counts as ${again ? 'a redelivery' : 'new'}`);
            seen.add(n);
          });
          underWay = underWay.slice(Math.min(acknowledged, received));
          if (restarts) deliveries = restarted(deliveries);
        }
      }),
      { numRuns: 30 },
    );
  });
});
