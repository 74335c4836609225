import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createDeliveries,
  forgetDeliveries,
  isRedelivery,
  packDeliveries,
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

describe('a redelivery', () => {
  it('is told by packet id and content, as long as 32,768 messages', () => {
    const deliveries = createDeliveries();
    expect(isRedelivery(deliveries, message(1, 'a'))).toBe(false);
    for (let id = 2; id <= 32_768; id++) isRedelivery(deliveries, message(id, 'b'));
    expect(isRedelivery(deliveries, message(1, 'a', true))).toBe(true);
    isRedelivery(deliveries, message(32_769, 'b'));
    expect(isRedelivery(deliveries, message(1, 'a', true))).toBe(false);
  });

  it('is none after the session is forgotten', () => {
    const deliveries = createDeliveries();
    isRedelivery(deliveries, message(7, 'a'));
    forgetDeliveries(deliveries);
    expect(isRedelivery(deliveries, message(7, 'a', true))).toBe(false);
  });

  /**
   * A broker that counts packet ids round, has many messages under way, and delivers them again, in order, whenever the connection ends: as
   * far as it comes before the next end. What it has an acknowledgement for is not under way any more.
   */
  it('is told of a broker whose connections end again and again', () => {
    const step = fc.record({ sent: fc.nat(6_000), received: fc.nat(30_000), acknowledged: fc.nat(3_000) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), fc.boolean(), (steps, restarts) => {
        let deliveries = createDeliveries();
        const seen = new Set<number>();
        let underWay: number[] = [];
        let next = 0;
        for (const { sent, received, acknowledged } of steps) {
          const old = underWay.length;
          const fresh = Math.min(sent, 30_000 - old);
          for (let i = 0; i < fresh; i++) underWay.push(next++);
          underWay.slice(0, received).forEach((n, i) => {
            const again = isRedelivery(deliveries, message((n % 65_535) + 1, String(n % 10), i < old));
            if (again !== seen.has(n)) throw new Error(`message ${n}: taken for ${again ? 'a repetition' : 'new'}`);
            seen.add(n);
          });
          underWay = underWay.slice(Math.min(acknowledged, received));
          if (restarts) deliveries = unpackDeliveries(packDeliveries(deliveries));
        }
      }),
      { numRuns: 30 },
    );
  });
});
