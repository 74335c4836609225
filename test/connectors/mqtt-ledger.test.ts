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

function fixture() {
  const counters = createCounters();
  const oversize: string[] = [];
  const ledger: Ledger = createLedger({
    counters,
    onOversize: ({ topic }) => oversize.push(topic),
    onHeldChange: () => undefined,
  });
  return { counters, oversize, ledger };
}

function writerOf() {
  const written: string[] = [];
  const writer = { open: true, write: (bytes: Buffer) => void written.push(bytes.toString('hex')) };
  return { writer, written };
}

describe('the ledger', () => {
  it('acknowledges the messages of a read in one write, and only once', () => {
    const { ledger, counters } = fixture();
    const { writer, written } = writerOf();
    const receipt = ledger.receive(writer, [publish(1, 1), publish(0, 0), publish(2, 0x1234), publish(1, 3)]);
    expect(receipt.messages).toHaveLength(4);
    expect(ledger.heldBytes()).toBe(40);
    expect(written).toEqual([]);
    receipt.acknowledge();
    receipt.acknowledge();
    expect(written).toEqual(['40020001' + '50021234' + '40020003']);
    expect(counters.messages_acknowledged).toBe(3);
    expect(ledger.heldBytes()).toBe(0);
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

  it('drops the acknowledgements of a connection that is gone, and counts each once', () => {
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
    expect(ledger.heldBytes()).toBe(0);
  });

  it('hands a QoS 2 message over once until it is released', () => {
    const { ledger } = fixture();
    const { writer, written } = writerOf();
    ledger.receive(writer, [publish(2, 7)]).acknowledge();
    expect(ledger.receive(writer, [publish(2, 7, { dup: true })]).messages).toEqual([]);
    expect(written).toEqual(['50020007', '50020007']);
    ledger.release(writer, [7]);
    expect(written[2]).toBe('70020007');
    expect(ledger.receive(writer, [publish(2, 7)]).messages).toHaveLength(1);
  });

  it('answers a QoS 2 message that came again before it was durable by the new connection, once it is', () => {
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

  it('forgets packet ids with the session', () => {
    const { ledger } = fixture();
    const { writer } = writerOf();
    const before = ledger.receive(writer, [publish(2, 7)]);
    ledger.forget();
    const after = ledger.receive(writer, [publish(2, 7)]);
    expect(after.messages).toHaveLength(1);
    before.acknowledge();
    expect(ledger.receive(writer, [publish(2, 7)]).messages).toEqual([]);
  });

  it('acknowledges messages that are too large by itself, behind those before them', () => {
    const { ledger, oversize } = fixture();
    const { writer, written } = writerOf();
    const first = ledger.receive(writer, [publish(1, 1)]);
    expect(ledger.receive(writer, [publish(1, 2, { oversize: true, topic: 'big' })]).messages).toEqual([]);
    expect(oversize).toEqual(['big']);
    expect(written).toEqual([]);
    first.acknowledge();
    expect(written).toEqual(['40020001', '40020002']);
  });

  it('is settled when everything handed over is acknowledged', async () => {
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
});
