import fc from 'fast-check';
import { generate, type Packet, parser } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { createPublishTap, type Publish, type Tapped } from '../../connectors/mqtt/publish-tap.ts';

const LIMIT = 600;
type Version = 4 | 5;

const connack = (version: Version): Packet =>
  version === 5
    ? { cmd: 'connack', sessionPresent: true, reasonCode: 0, properties: { receiveMaximum: 20 } }
    : { cmd: 'connack', sessionPresent: true, returnCode: 0 };

const publishArb = (version: Version): fc.Arbitrary<Packet> =>
  fc
    .record({
      topic: fc.oneof(fc.stringMatching(/^[a-zé/]{1,20}$/), fc.constant('plant/"x"/Grüße/データ')),
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        fc.integer({ min: 120, max: LIMIT }).map((size) => Buffer.alloc(size, 7)),
        fc.integer({ min: LIMIT, max: 3_000 }).map((size) => Buffer.alloc(size, 9)),
      ),
      qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
      dup: fc.boolean(),
      retain: fc.boolean(),
      messageId: fc.integer({ min: 1, max: 65_535 }),
      properties: fc.option(
        fc.record({
          messageExpiryInterval: fc.nat(1_000),
          contentType: fc.string({ maxLength: 150 }),
          userProperties: fc.constant<Record<string, string | string[]>>({ a: 'b', c: ['d', 'e'] }),
        }),
        { nil: undefined },
      ),
    })
    .map(
      ({ properties, ...packet }): Packet => ({
        cmd: 'publish',
        ...packet,
        dup: packet.qos > 0 && packet.dup,
        ...(version === 5 && properties !== undefined && { properties }),
      }),
    );

const controlArb: fc.Arbitrary<Packet> = fc
  .tuple(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom('puback', 'pubrel', 'pubrel', 'suback', 'pingresp'))
  .map(([messageId, cmd]) => {
    if (cmd === 'pingresp') return { cmd };
    if (cmd === 'suback') return { cmd, messageId, granted: [0, 1] };
    return { cmd: cmd as 'puback' | 'pubrel', messageId };
  });

interface Stream {
  readonly version: Version;
  readonly packets: readonly Packet[];
  readonly cuts: readonly number[];
}

const streamArb: fc.Arbitrary<Stream> = fc.constantFrom<Version>(4, 5).chain((version) =>
  fc.record({
    version: fc.constant(version),
    packets: fc
      .array(fc.oneof({ weight: 3, arbitrary: publishArb(version) }, controlArb), { maxLength: 12 })
      .map((packets) => [connack(version), ...packets]),
    cuts: fc.oneof(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1 }),
      fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1 }),
    ),
  }),
);

const bytesOf = (packet: Packet, version: Version) => generate(packet, { protocolVersion: version });

function chunksOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = cuts[i % cuts.length] as number;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

function readAll(version: Version, chunks: readonly Buffer[], maxPacketBytes = LIMIT): Tapped {
  const tap = createPublishTap({ version, maxPacketBytes });
  const all: Tapped = { publishes: [], releases: [], connack: undefined, others: [], fault: undefined };
  for (const chunk of chunks) {
    // The memory of a chunk is used again after it was read.
    const memory = Buffer.from(chunk);
    const tapped = tap.read(memory);
    all.publishes.push(...tapped.publishes.map((each) => ({ ...each, payload: Buffer.from(each.payload) })));
    memory.fill(0xff);
    all.releases.push(...tapped.releases);
    all.others.push(...tapped.others);
    all.connack ??= tapped.connack;
    all.fault ??= tapped.fault;
  }
  return all;
}

/** Parses the same bytes with mqtt-packet's own parser. */
function parsed(bytes: Buffer, version: Version): Packet[] {
  const packets: Packet[] = [];
  const oracle = parser({ protocolVersion: version });
  oracle.on('packet', (packet) => packets.push(packet));
  oracle.on('error', (error) => {
    throw error;
  });
  oracle.parse(bytes);
  return packets;
}

/** Comparing texts is a hundred times faster than comparing buffers element by element. */
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const comparable = (publish: Publish) => ({ ...publish, payload: hex(publish.payload) });

function expectedPublish(packet: Packet, version: Version): Publish | undefined {
  if (packet.cmd !== 'publish') return undefined;
  const oversize = bytesOf(packet, version).length > LIMIT;
  return {
    topic: packet.topic,
    payload: oversize ? Buffer.alloc(0) : (packet.payload as Buffer),
    qos: packet.qos,
    retain: packet.retain,
    dup: packet.dup,
    packetId: packet.messageId ?? 0,
    oversize,
  };
}

describe('a valid byte stream', () => {
  it('gives the same packets as mqtt-packet, wherever the stream is cut', () => {
    fc.assert(
      fc.property(streamArb, ({ version, packets, cuts }) => {
        const bytes = Buffer.concat(packets.map((packet) => bytesOf(packet, version)));
        const oracle = parsed(bytes, version);
        expect(oracle).toHaveLength(packets.length);
        const tapped = readAll(version, chunksOf(bytes, cuts));
        expect(tapped.fault).toBeUndefined();
        expect(tapped.connack).toEqual({ sessionPresent: true, code: 0 });
        expect(tapped.publishes.map(comparable)).toEqual(
          oracle
            .map((packet) => expectedPublish(packet, version))
            .filter((publish) => publish !== undefined)
            .map(comparable),
        );
        expect(tapped.releases).toEqual(oracle.filter(({ cmd }) => cmd === 'pubrel').map((p) => p.messageId));
        const others = packets.filter(({ cmd }) => cmd !== 'publish' && cmd !== 'pubrel');
        expect(tapped.others.map(hex)).toEqual(others.map((packet) => hex(bytesOf(packet, version))));
      }),
      { numRuns: 250 },
    );
  });

  it('gives payloads as views of the chunk', () => {
    const packet: Packet = { cmd: 'publish', topic: 't', payload: 'hello', qos: 0, dup: false, retain: false };
    const chunk = Buffer.concat([bytesOf(connack(4), 4), bytesOf(packet, 4)]);
    const [publish] = createPublishTap({ version: 4, maxPacketBytes: LIMIT }).read(chunk).publishes;
    expect(publish?.payload.buffer).toBe(chunk.buffer);
  });

  it('does not buffer the payload of a message that is too large', () => {
    const tap = createPublishTap({ version: 4, maxPacketBytes: 64 });
    const packet: Packet = {
      cmd: 'publish',
      topic: 'big',
      payload: Buffer.alloc(1_000),
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    };
    const bytes = bytesOf(packet, 4);
    tap.read(bytesOf(connack(4), 4));
    expect(tap.read(bytes.subarray(0, -1)).publishes).toEqual([]);
    expect(tap.read(bytes.subarray(-1)).publishes).toMatchObject([{ topic: 'big', packetId: 9, oversize: true }]);
  });
});

describe('a malformed byte stream', () => {
  const hello = [0x20, 2, 0, 0];
  it.each<[string, Version, number[], string]>([
    ['QoS 3', 4, [...hello, 0x36, 5, 0, 1, 0x74, 0, 1], 'QoS 3'],
    ['an empty topic (an alias never offered)', 5, [...hello, 0x30, 6, 0, 0, 3, 0x23, 0, 1], 'empty topic'],
    ['no topic', 4, [...hello, 0x30, 1, 0], 'no topic'],
    ['a topic longer than the packet', 4, [...hello, 0x30, 3, 0, 9, 0x74], 'shorter than its topic'],
    ['no packet id', 4, [...hello, 0x32, 4, 0, 1, 0x74, 1], 'shorter than its topic'],
    ['packet id 0', 4, [...hello, 0x32, 5, 0, 1, 0x74, 0, 0], 'packet id 0'],
    ['properties longer than the packet', 5, [...hello, 0x30, 4, 0, 1, 0x74, 9], 'shorter than its properties'],
    ['properties without a length', 5, [...hello, 0x30, 3, 0, 1, 0x74], 'malformed properties'],
    ['a length of five bytes', 4, [...hello, 0x30, 255, 255, 255, 255, 1], 'four bytes'],
    ['a PUBREL without id', 4, [...hello, 0x62, 1, 0], 'PUBREL'],
    ['a PUBREL with wrong flags', 4, [...hello, 0x60, 2, 0, 1], 'PUBREL'],
    ['a CONNACK cut short', 4, [0x20, 1, 0], 'CONNACK'],
    ['a packet that only clients send', 4, [...hello, 0x82, 2, 0, 1], 'type 8'],
    ['an unknown type', 4, [...hello, 0x00, 0], 'type 0'],
    ['a large packet that is no PUBLISH', 4, [...hello, 0x90, 0xff, 0x7f], 'type 9'],
    ['a message before the CONNACK', 4, [0x30, 3, 0, 1, 0x74], 'CONNACK'],
    ['something that is not MQTT', 4, [...Buffer.from('HTTP/1.1 400')], 'CONNACK'],
  ])('with %s is a fault', (_name, version, bytes, fault) => {
    for (const size of [1, 3, 1_000]) {
      const tapped = readAll(version, chunksOf(Buffer.from(bytes), [size]));
      expect(tapped.fault).toContain(fault);
      expect(tapped.publishes).toEqual([]);
    }
  });

  it('gives the packets before the fault, and none after it', () => {
    const good = [0x30, 4, 0, 1, 0x74, 0x21];
    const tapped = readAll(4, [Buffer.from([...hello, ...good, 0x00, 0, ...good]), Buffer.from(good)]);
    expect(tapped.publishes).toHaveLength(1);
    expect(tapped.fault).toContain('type 0');
  });

  it('never throws, for any bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Version>(4, 5),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(40),
        (version, junk, cut) => {
          const bytes = Buffer.concat([Buffer.from(hello), junk]);
          const split = readAll(version, chunksOf(bytes, [cut + 1]));
          expect(split).toEqual(readAll(version, [bytes]));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
