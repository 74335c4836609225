import { describe, expect, it } from 'vitest';
import { createLedger, type Ledger } from '../../connectors/mqtt/ledger.ts';
import type { Publish } from '../../connectors/mqtt/publish-tap.ts';
import { createCounters } from '../../engine/telemetry.ts';

const publish = (qos: 0 | 1 | 2, packetId: number, more: Partial<Publish> = {}): Publish => ({
  topic: 't',
  payload: Buffer.from('123456789'),
  qos,
  packetId,
  retain: false,
  dup: false,
  oversize: false,
  ...more,
});

function fixture(highWaterBytes = Number.POSITIVE_INFINITY, isWanted = (_topic: string) => true) {
  const counters = createCounters();
  const oversize: string[] = [];
  const changes: boolean[] = [];
  const ledger: Ledger = createLedger({
    counters,
    isWanted,
    onOversize: ({ topic }) => oversize.push(topic),
    highWaterBytes,
    onFullChange: () => changes.push(ledger.isFull()),
  });
  return { counters, oversize, changes, ledger };
}

function writerOf() {
  const written: string[] = [];
  const writer = { open: true, write: (bytes: Buffer) => void written.push(bytes.toString('hex')) };
  return { writer, written };
}

describe('the ledger', () => {
  it('acknowledges unwanted messages in order, counts them, and passes the others on', () => {
    const { ledger, counters, oversize } = fixture(undefined, (topic) => topic !== 'gone');
    const { writer, written } = writerOf();
    const { messages, acknowledge } = ledger.receive(writer, [
      publish(1, 1),
      publish(1, 2, { topic: 'gone' }),
      publish(2, 3, { topic: 'gone' }),
      publish(0, 0, { topic: 'gone' }),
      publish(1, 4, { topic: 'gone', oversize: true }),
    ]);
    expect(messages.map(({ packetId }) => packetId)).toEqual([1]);
    expect(written).toEqual([]);
    acknowledge();
    expect(written).toEqual(['40020001' + '40020002' + '50020003' + '40020004']);
    // A QoS 2 message that is not wanted still needs the whole exchange.
    const again = ledger.receive(writer, [publish(2, 3, { topic: 'gone', dup: true })]);
    expect(again.messages).toEqual([]);
    expect(written.at(-1)).toBe('50020003');
    expect([counters.messages_unwanted, oversize]).toEqual([4, []]);
  });

  it('acknowledges the messages of a read in one write, and only once', () => {
    const { ledger, counters } = fixture();
    const { writer, written } = writerOf();
    const receipt = ledger.receive(writer, [publish(1, 1), publish(0, 0), publish(2, 0x1234), publish(1, 3)]);
    expect(receipt.messages).toHaveLength(4);
    expect(ledger.unackedBytes()).toBe(40);
    expect(written).toEqual([]);
    receipt.acknowledge();
    receipt.acknowledge();
    expect(written).toEqual(['40020001' + '50021234' + '40020003']);
    expect(counters.messages_acknowledged).toBe(3);
    expect(ledger.unackedBytes()).toBe(0);
  });

  it('keeps the order of arrival, whatever is durable first', () => {
    const { ledger } = fixture();
    const { writer, written } = writerOf();
    const first = ledger.receive(writer, [publish(1, 1)]);
    const second = ledger.receive(writer, [publish(1, 2)]);
    const third = ledger.receive(writer, [publish(1, 3)]);
    second.acknowledge();
    expect(written).toEqual([]);
    first.acknowledge();
    expect(written).toEqual(['40020001', '40020002']);
    third.acknowledge();
    expect(written).toHaveLength(3);
  });

  it('drops the acknowledgements of a closed connection, and counts each once', () => {
    const { ledger, counters } = fixture();
    const { writer, written } = writerOf();
    const first = ledger.receive(writer, [publish(1, 1)]);
    const second = ledger.receive(writer, [publish(1, 2), publish(1, 3)]);
    const third = ledger.receive(writer, [publish(1, 4)]);
    second.acknowledge();
    writer.open = false;
    third.acknowledge();
    ledger.close(writer);
    first.acknowledge();
    expect(written).toEqual([]);
    expect(counters.acknowledgements_dropped).toBe(4);
    expect(ledger.unackedBytes()).toBe(0);
  });

  it('passes a QoS 2 message on once until it is released', () => {
    const { ledger } = fixture();
    const { writer, written } = writerOf();
    ledger.receive(writer, [publish(2, 7)]).acknowledge();
    expect(ledger.receive(writer, [publish(2, 7, { dup: true })]).messages).toEqual([]);
    expect(written).toEqual(['50020007', '50020007']);
    ledger.release(writer, [7]);
    expect(written[2]).toBe('70020007');
    expect(ledger.receive(writer, [publish(2, 7)]).messages).toHaveLength(1);
  });

  it('sends PUBREC on the new connection for a QoS 2 message that came again before it was durable', () => {
    const { ledger, counters } = fixture();
    const old = writerOf();
    const fresh = writerOf();
    const receipt = ledger.receive(old.writer, [publish(2, 7)]);
    old.writer.open = false;
    ledger.close(old.writer);
    expect(ledger.receive(fresh.writer, [publish(2, 7, { dup: true })]).messages).toEqual([]);
    expect(fresh.written).toEqual([]);
    receipt.acknowledge();
    expect(fresh.written).toEqual(['50020007']);
    expect(old.written).toEqual([]);
    expect(counters.messages_acknowledged).toBe(1);
  });

  it('forgets packet ids when the session is lost', () => {
    const { ledger } = fixture();
    const { writer } = writerOf();
    const before = ledger.receive(writer, [publish(2, 7)]);
    ledger.forget();
    const after = ledger.receive(writer, [publish(2, 7)]);
    expect(after.messages).toHaveLength(1);
    before.acknowledge();
    expect(ledger.receive(writer, [publish(2, 7)]).messages).toEqual([]);
  });

  it('acknowledges messages that are too large by itself, after the messages before them', () => {
    const { ledger, oversize } = fixture();
    const { writer, written } = writerOf();
    const first = ledger.receive(writer, [publish(1, 1)]);
    expect(ledger.receive(writer, [publish(1, 2, { oversize: true, topic: 'big' })]).messages).toEqual([]);
    expect(oversize).toEqual(['big']);
    expect(written).toEqual([]);
    first.acknowledge();
    expect(written).toEqual(['40020001', '40020002']);
  });

  it('is settled when every message passed on is acknowledged', async () => {
    const { ledger } = fixture();
    const { writer } = writerOf();
    await ledger.settled();
    const receipt = ledger.receive(writer, [publish(0, 0)]);
    let settled = false;
    const waiting = ledger.settled().then(() => {
      settled = true;
    });
    await Promise.resolve();
    expect(settled).toBe(false);
    receipt.acknowledge();
    await waiting;
    expect(settled).toBe(true);
  });

  it('sheds QoS 0 above the high-water mark until half of it is left, and acknowledges what it accepts', () => {
    const { ledger, counters, changes } = fixture(1_000);
    const { writer, written } = writerOf();
    const large = { payload: Buffer.alloc(600) };
    const [first, another] = [0, 0].map(() => ledger.receive(writer, [publish(0, 0, large)]));
    const second = ledger.receive(writer, [publish(0, 0), publish(1, 1), publish(0, 0)]);
    expect(second.messages.map(({ qos }) => qos)).toEqual([1]);
    expect(counters.messages_shed).toBe(2);
    const third = ledger.receive(writer, [publish(0, 0), publish(0, 0)]);
    expect(third.messages).toEqual([]);
    second.acknowledge();
    expect(written).toEqual(['40020001']);
    another?.acknowledge();
    expect(ledger.unackedBytes()).toBe(601);
    expect(ledger.receive(writer, [publish(0, 0)]).messages).toEqual([]);
    first?.acknowledge();
    expect(ledger.unackedBytes()).toBe(0);
    expect(ledger.receive(writer, [publish(0, 0)]).messages).toHaveLength(1);
    expect(counters.messages_shed).toBe(5);
    // QoS 0 alone does not stop the reading.
    expect(changes).toEqual([]);
  });

  it('is full when QoS 1 and 2 alone exceed the high-water mark, until half of it is left', () => {
    const { ledger, changes } = fixture(1_000);
    const { writer } = writerOf();
    const receipts = [1, 2, 3, 4, 5].map((id) => ledger.receive(writer, [publish(id === 5 ? 2 : 1, id)]));
    // Each message has 10 bytes and 256 bytes of overhead.
    expect(changes).toEqual([true]);
    const [first, second, third, fourth] = receipts;
    for (const receipt of [fourth, third, second]) receipt?.acknowledge();
    expect(changes).toEqual([true]);
    first?.acknowledge();
    expect(changes).toEqual([true, false]);
    expect(ledger.isFull()).toBe(false);
  });

  it('counts a large message of QoS 0 as too large, not as shed', () => {
    const { ledger, counters, oversize } = fixture(5);
    const { writer } = writerOf();
    ledger.receive(writer, [publish(0, 0)]);
    ledger.receive(writer, [publish(0, 0, { oversize: true, topic: 'big' })]);
    expect(oversize).toEqual(['big']);
    expect(counters.messages_shed).toBe(0);
  });
});
