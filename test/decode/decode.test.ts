import { encode as encodeMsgpack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../engine/decode/decode.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Item } from '../../engine/model/item/item.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { decodeAll, decodeOne, field, MAX_AHEAD_MS, message, RECEIVED_AT, sampleStream } from './sample.ts';

const TIMED = { time: { path: 'ts', unit: 'ms' } } as const;

describe('a reading', () => {
  test('has everything the message says', () => {
    const { items, counters } = decodeOne(TIMED, { ts: RECEIVED_AT - 1.5, temp: 21.5, ok: true, fw: '1.2' });
    expect(items).toEqual([
      {
        kind: 'reading',
        stream: 0,
        device: 'dev-1',
        labels: ['hall1'],
        time: RECEIVED_AT - 1.5,
        receivedAt: RECEIVED_AT,
        connection: 0,
        offset: 7,
        idHigh: expect.any(Number),
        idLow: expect.any(Number),
        values: [21.5, true, undefined],
        extra: { fw: '"1.2"' },
        clamped: false,
        liveMs: 0,
        late: false,
      },
    ]);
    expect(counters).toMatchObject({ readings: 1, rejected: 0 });
  });

  test('has the receive time as its event time if the stream declares no time', () => {
    expect(decodeOne({}, { temp: 1 }).readings[0]).toMatchObject({ time: RECEIVED_AT, clamped: false });
  });

  test.each([
    [0, false],
    [MAX_AHEAD_MS, false],
    [MAX_AHEAD_MS + 1, true],
    [-1e9, false],
  ])('%d ms ahead of the receive time: clamped %s', (aheadMs, clamped) => {
    const { readings, counters } = decodeOne(TIMED, { ts: RECEIVED_AT + aheadMs, temp: 1 });
    expect(readings[0]).toMatchObject({ time: clamped ? RECEIVED_AT : RECEIVED_AT + aheadMs, clamped });
    expect(counters.readings_clamped).toBe(clamped ? 1 : 0);
  });

  test('keeps its identity when it is redelivered, and shares it with no other reading of the message', () => {
    const each = { each: '$' };
    const first = decodeOne(each, [{ temp: 1 }, { temp: 1 }]).readings;
    const again = decodeOne(each, [{ temp: 1 }, { temp: 1 }], { offset: 99, at: RECEIVED_AT + 5, dup: true }).readings;
    const idOf = (reading: (typeof first)[number]) => [reading.idHigh, reading.idLow];
    expect(again.map(idOf)).toEqual(first.map(idOf));
    expect(idOf(first[0]!)).not.toEqual(idOf(first[1]!));
  });
});

describe('device and labels', () => {
  const fromPayload = { device: { path: 'meta.id' } };
  test.each<[unknown, string]>([
    ['a/b', 'a/b'],
    [17, '17'],
    [-0, '0'],
    ['x'.repeat(256), 'x'.repeat(256)],
  ])('device %j', (id, device) => {
    expect(decodeOne(fromPayload, { meta: { id }, temp: 1 }).readings[0]?.device).toBe(device);
  });

  test.each<[unknown, string]>([
    [undefined, 'missing-device'],
    [null, 'missing-device'],
    ['', 'invalid-device'],
    ['x'.repeat(257), 'invalid-device'],
    [1.5, 'invalid-device'],
    [2 ** 53, 'invalid-device'],
    [true, 'invalid-device'],
    [['a'], 'invalid-device'],
  ])('device %j is refused: %s', (id, reason) => {
    expect(decodeOne(fromPayload, { meta: { id }, temp: 1 }).rejected[0]).toMatchObject({ reason });
  });

  test('a device id may be a 64-bit integer of MessagePack', () => {
    const idOf = (id: bigint) =>
      decodeOne(
        { ...fromPayload, format: 'msgpack' },
        Buffer.from(encodeMsgpack({ meta: { id }, temp: 1 }, { useBigInt64: true })),
      );
    expect(idOf(17n).readings[0]?.device).toBe('17');
    expect(idOf(2n ** 53n).rejected[0]).toMatchObject({ reason: 'invalid-device' });
  });

  test('an empty level of the topic is not a device id', () => {
    expect(decodeOne({}, { temp: 1 }, { topic: 'plant/hall1//data' }).rejected[0]).toMatchObject({
      reason: 'invalid-device',
      detail: 'the topic at {device} is text ""; a device id is text of 1 to 256 characters or an integer below 2^53',
    });
  });

  const labelled = {
    labels: [
      { name: 'site', place: { topic: 'site' } },
      { name: 'line', place: { path: 'line.no' } },
    ],
  };
  test.each<[unknown, string]>([
    [{ no: 'L1' }, 'L1'],
    [{ no: 4 }, '4'],
    [{ no: false }, 'false'],
    [{ no: null }, ''],
    [undefined, ''],
    [{ no: '' }, ''],
  ])('label %j', (line, label) => {
    expect(decodeOne(labelled, { line, temp: 1 }).readings[0]).toMatchObject({
      labels: ['hall1', label],
      extra: undefined,
    });
  });

  test('a label that is an object is rejected', () => {
    expect(decodeOne(labelled, { line: { no: {} }, temp: 1 }).rejected[0]).toMatchObject({ reason: 'wrong-type' });
  });
});

describe('declared fields', () => {
  test.each<[Record<string, unknown>, unknown[]]>([
    [{ temp: -0.5, ok: false, mode: '' }, [-0.5, false, '']],
    [{ temp: null, mode: 'x' }, [undefined, undefined, 'x']],
    [{ temp: Number.MAX_SAFE_INTEGER }, [Number.MAX_SAFE_INTEGER, undefined, undefined]],
  ])('%j', (payload, values) => {
    expect(decodeOne({}, payload).readings[0]?.values).toEqual(values);
  });

  test.each<[string, string, RegExp]>([
    ['{"temp":"21"}', 'wrong-type', /"temp" is text "21", but the stream declares a number; .*"coerce": true/],
    ['{"temp":true}', 'wrong-type', /is true/],
    ['{"temp":[1]}', 'wrong-type', /an array of 1/],
    ['{"temp":{"a":1}}', 'wrong-type', /an object/],
    ['{"ok":1}', 'wrong-type', /the stream declares a boolean/],
    ['{"ok":"true"}', 'wrong-type', /is text "true"/],
    ['{"mode":5}', 'wrong-type', /the stream declares a string/],
    ['{"temp":1e999}', 'not-finite', /the number Infinity/],
    ['{"temp":-1e999}', 'not-finite', /-Infinity/],
    ['{"temp":9007199254740993}', 'unsafe-integer', /declare it as string and send it as text/],
    ['{"temp":-9007199254740993}', 'unsafe-integer', /the integer -9007199254740993, beyond 2\^53/],
    ['{"temp":12345678901234567890}', 'unsafe-integer', /the integer 12345678901234567890/],
    ['{"temp":1,"temp":9007199254740993}', 'unsafe-integer', /9007199254740993/],
    ['{}', 'no-fields', /none of the declared fields \(temp, ok, mode\)/],
    ['{"temp":null}', 'no-fields', /none/],
    ['{"other":1}', 'no-fields', /none/],
    ['[{"temp":1}]', 'not-an-object', /set "each": "\$"/],
    ['5', 'not-an-object', /"plain"/],
    ['null', 'not-an-object', /found null/],
    ['', 'malformed', /empty; send json/],
  ])('%s is refused: %s', (payload, reason, words) => {
    const { rejected, readings, counters } = decodeOne({}, payload);
    expect(readings).toEqual([]);
    expect(rejected).toEqual([
      {
        kind: 'rejected',
        offset: 7,
        ordinal: 0,
        at: RECEIVED_AT,
        stream: 0,
        topic: 'plant/hall1/dev-1/data',
        reason,
        detail: expect.stringMatching(words),
        payload: Buffer.from(payload),
      },
    ]);
    expect(counters).toMatchObject({ readings: 0, rejected: 1 });
  });

  test.each<[string, unknown[]]>([
    ['{"temp":"-1.5e1"}', [-15, undefined, undefined]],
    ['{"ok":"ON"}', [undefined, true, undefined]],
    ['{"ok":"no"}', [undefined, false, undefined]],
    ['{"ok":1}', [undefined, true, undefined]],
    ['{"ok":0}', [undefined, false, undefined]],
    ['{"ok":"0"}', [undefined, false, undefined]],
    ['{"mode":5.5}', [undefined, undefined, '5.5']],
    ['{"mode":true}', [undefined, undefined, 'true']],
    ['{"mode":9007199254740993}', [undefined, undefined, '9007199254740993']],
    ['{"temp":"1e20"}', [1e20, undefined, undefined]],
    ['{"temp":"9007199254740992"}', [2 ** 53, undefined, undefined]],
  ])('%s with coerce', (payload, values) => {
    expect(decodeOne({ coerce: true }, payload).readings[0]?.values).toEqual(values);
  });

  test.each([
    ['{"temp":""}', 'wrong-type'],
    ['{"temp":" 1"}', 'wrong-type'],
    ['{"temp":"+1"}', 'wrong-type'],
    ['{"temp":"01"}', 'wrong-type'],
    ['{"temp":".5"}', 'wrong-type'],
    ['{"temp":"0x10"}', 'wrong-type'],
    ['{"temp":"NaN"}', 'wrong-type'],
    ['{"temp":"1e999"}', 'not-finite'],
    ['{"temp":"9007199254740993"}', 'unsafe-integer'],
    ['{"temp":true}', 'wrong-type'],
    ['{"ok":2}', 'wrong-type'],
    ['{"ok":"maybe"}', 'wrong-type'],
    ['{"ok":""}', 'wrong-type'],
    ['{"mode":1e999}', 'not-finite'],
    ['{"mode":[1]}', 'wrong-type'],
  ])('%s with coerce is refused: %s', (payload, reason) => {
    expect(decodeOne({ coerce: true }, payload).rejected[0]?.reason).toBe(reason);
  });

  test.each([
    '1e308',
    '-1e308',
    '1e20',
    '100000000000000000000',
    '-9007199254740992',
    '1.2345678901234567e20',
    // A double written in full, with its shortest digits or with all of them.
    '123456789012345670000',
    '123456789012345667584',
    '9007199254740993.0',
    '9.007199254740993e15',
  ])('%s is a number in which no digit is lost', (text) => {
    expect(decodeOne({}, `{"temp":${text}}`).readings[0]?.values[0]).toBe(Number(text));
  });

  test('a reading that lost digits does not affect the other readings of the message', () => {
    const large = '{"temp":9007199254740992}';
    const lossy = '{"temp":9007199254740993}';
    const list = decodeOne({ each: '$.all' }, `{"all":[${large},${lossy},{"temp":1},${large}]}`);
    expect(list.readings.map(({ values }) => values[0])).toEqual([2 ** 53, 1, 2 ** 53]);
    expect(list.rejected).toMatchObject([{ reason: 'unsafe-integer', detail: expect.stringContaining('reading 1') }]);
    const lines = decodeOne({ format: 'ndjson' }, `${large}\n\n${lossy}\n{"temp":1}\n${large}`);
    expect(lines.readings.map(({ values }) => values[0])).toEqual([2 ** 53, 1, 2 ** 53]);
    expect(lines.rejected).toMatchObject([{ reason: 'unsafe-integer', detail: expect.stringContaining('reading 1') }]);
  });

  test('are read although other lines are not JSON, or nest too deep', () => {
    const limits = { ...sampleStream().limits, bytes: 1_000_000 };
    const faulty = ['{"temp":', '['.repeat(100_000), '{"temp":1}}', 'x'];
    const lossy = '{"temp":9007199254740993}';
    const { readings, rejected } = decodeOne({ format: 'ndjson', limits }, [...faulty, lossy, '{"temp":1}'].join('\n'));
    expect(readings.map(({ values }) => values[0])).toEqual([1]);
    expect(rejected.map(({ reason }) => reason)).toEqual([
      'malformed',
      'too-deep',
      'malformed',
      'malformed',
      'unsafe-integer',
    ]);
  });

  test('binary formats: 64-bit integers, NaN and raw bytes', () => {
    for (const [format, encode] of [
      ['msgpack', (v: unknown) => encodeMsgpack(v, { useBigInt64: true })],
      ['cbor', encodeCbor],
    ] as const) {
      const run = (value: unknown, coerce = false) => decodeOne({ format, coerce }, Buffer.from(encode(value)));
      expect(run({ temp: 5_000_000_000n }).readings[0]?.values[0]).toBe(5_000_000_000);
      expect(run({ temp: 2n ** 53n + 1n }).rejected[0]).toMatchObject({ reason: 'unsafe-integer' });
      expect(run({ temp: 2n ** 53n }).readings[0]?.values[0]).toBe(2 ** 53);
      expect(run({ temp: 1e20 }).readings[0]?.values[0]).toBe(1e20);
      expect(run({ temp: -1e308 }).readings[0]?.values[0]).toBe(-1e308);
      expect(run({ mode: 2n ** 60n }, true).readings[0]?.values[2]).toBe('1152921504606846976');
      expect(run({ temp: Number.NaN }).rejected[0]).toMatchObject({ reason: 'not-finite' });
      expect(run({ mode: Uint8Array.of(1, 2) }, true).rejected[0]?.detail).toContain('2 raw bytes');
      expect(
        run({ temp: 1, big: 2n ** 60n, raw: Uint8Array.of(1, 2), bad: Number.NaN, list: [2n ** 60n] }).readings[0]
          ?.extra,
      ).toEqual({
        big: '1152921504606846976',
        raw: '"AQI="',
        bad: '"NaN"',
        list: '["1152921504606846976"]',
      });
    }
  });

  test('paths go through objects and arrays, but not to inherited properties', () => {
    const paths = {
      fields: [
        field('x', 'number', 'a.b.1.c'),
        field('toString', 'string'),
        field('inner', 'string', 'a.toString'),
        field('len', 'number', 'a.b.length'),
      ],
    };
    expect(decodeOne(paths, { a: { b: [0, { c: 5 }] } }).readings[0]?.values).toEqual([
      5,
      undefined,
      undefined,
      undefined,
    ]);
    expect(decodeOne(paths, { a: 'text' }).rejected[0]).toMatchObject({ reason: 'no-fields' });
    expect(decodeOne({ fields: [field('x', 'string', 'a.0')] }, { a: 'text' }).rejected[0]).toMatchObject({
      reason: 'no-fields',
    });
  });
});

describe('undeclared fields', () => {
  const nested = { fields: [field('lat', 'number', 'gps.lat'), field('first', 'number', 'list.0')] };
  test.each<[Partial<StreamConfig>, unknown, Record<string, string> | undefined]>([
    [{}, { temp: 1 }, undefined],
    [
      {},
      { temp: 1, a: 1.5, b: 'x"y', c: null, d: [1, { e: 2 }], f: {}, g: true },
      { a: '1.5', b: '"x\\"y"', c: 'null', d: '[1,{"e":2}]', f: '{}', g: 'true' },
    ],
    [{}, { temp: 1, a: { b: { c: 1 }, d: 2 } }, { 'a.b.c': '1', 'a.d': '2' }],
    [nested, { gps: { lat: 1, lon: 2, fix: { ok: true } } }, { 'gps.lon': '2', 'gps.fix.ok': 'true' }],
    [nested, { gps: { lat: 1 }, list: [7, 8, { x: 9 }] }, { 'list.1': '8', 'list.2.x': '9' }],
    [nested, { gps: 'none', list: [1] }, { gps: '"none"' }],
    [nested, { gps: null, list: [1] }, undefined],
    [{ ...TIMED, device: { path: 'id' }, labels: [] }, { temp: 1, ts: RECEIVED_AT, id: 'x' }, undefined],
    [{}, '{"temp":1,"constructor":2,"toString":3}', { constructor: '2', toString: '3' }],
    [{}, '{"temp":1,"big":1e999,"many":[1e999]}', { big: '"Infinity"', many: '["Infinity"]' }],
  ])('%j of %j are kept', (changes, payload, extra) => {
    expect(decodeOne(changes, payload).readings[0]?.extra).toEqual(extra);
  });

  test('are ignored and counted', () => {
    const { readings, counters } = decodeOne({ undeclared: 'ignore' }, { temp: 1, a: { b: 1, c: 2 }, d: 3 });
    expect(readings[0]?.extra).toBeUndefined();
    expect(counters.fields_ignored).toBe(3);
    const twice = decodeAll(
      [sampleStream({ undeclared: 'ignore' })],
      [message({ temp: 1, a: 1 }), message({ temp: 1 })],
    );
    expect(twice.counters.fields_ignored).toBe(1);
  });

  test('reject the reading', () => {
    expect(decodeOne({ undeclared: 'reject' }, { temp: 1, a: { b: 1 } }).rejected[0]).toMatchObject({
      reason: 'undeclared-field',
      detail: expect.stringContaining('"a.b"'),
    });
    expect(decodeOne({ undeclared: 'reject' }, { temp: 1 }).readings).toHaveLength(1);
  });

  test.each([
    [{ ...Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`k${i}`, i])), temp: 1 }, 1],
    [{ ...Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])), temp: 1 }, 0],
    [{ temp: 1, a: Object.fromEntries(Array.from({ length: 18 }, (_, i) => [`k${i}`, i])) }, 1],
    [{ temp: 1, a: Object.fromEntries(Array.from({ length: 19 }, (_, i) => [`k${i}`, i])) }, 0],
  ])('count against the limit of keys (%#)', (payload, readings) => {
    const decoded = decodeOne({}, payload);
    expect(decoded.readings).toHaveLength(readings);
    if (readings === 0) expect(decoded.rejected[0]?.reason).toBe('too-many-fields');
  });
});

describe('a sequence', () => {
  const numbered = { ...TIMED, sequence: { path: 'meta.seq' } };
  const withSeq = (seq: unknown) => ({ ts: RECEIVED_AT, temp: 1, meta: { seq } });

  test.each([0, 1, -0, 2 ** 53 - 1])('takes %d', (seq) => {
    const { readings } = decodeOne(numbered, withSeq(seq));
    expect(readings[0]).toMatchObject({ sequence: Math.abs(seq), extra: undefined });
  });

  test.each<[unknown, string, RegExp]>([
    [undefined, 'missing-sequence', /^the payload has no sequence number at "meta.seq"; send it there, or remove/],
    [null, 'missing-sequence', /no sequence number/],
    [-1, 'invalid-sequence', /"meta.seq" is the number -1; send an integer from 0 to 2\^53-1$/],
    [1.5, 'invalid-sequence', /the number 1.5/],
    [2 ** 53, 'invalid-sequence', /the number 9007199254740992/],
    ['7', 'invalid-sequence', /text "7"/],
    [true, 'invalid-sequence', /true/],
    [[1], 'invalid-sequence', /an array of 1/],
  ])('%j is refused: %s', (seq, reason, words) => {
    const { readings, rejected } = decodeOne(numbered, withSeq(seq));
    expect(readings).toEqual([]);
    expect(rejected).toMatchObject([{ reason, detail: expect.stringMatching(words) }]);
  });

  test('has numbers below the modulus if the counter wraps', () => {
    const wrapping = { ...TIMED, sequence: { path: 'meta.seq', modulus: 256 } };
    expect(decodeOne(wrapping, withSeq(255)).readings[0]?.sequence).toBe(255);
    expect(decodeOne(wrapping, withSeq(256)).rejected[0]?.detail).toMatch(/send an integer from 0 to 255$/);
  });

  test('may be digits as text with coerce', () => {
    const sequenceOf = (seq: string) => decodeOne({ ...numbered, coerce: true }, withSeq(seq)).readings[0]?.sequence;
    expect(['0', '007', '9007199254740991'].map(sequenceOf)).toEqual([0, 7, 2 ** 53 - 1]);
    expect(['', '-1', '1.5', '0x1', '1e3', '9007199254740992', '1'.repeat(400)].map(sequenceOf)).toEqual(
      Array.from({ length: 7 }, () => undefined),
    );
  });

  test.each([
    ['json', (v: unknown) => Buffer.from(JSON.stringify(v))],
    ['ndjson', (v: unknown) => Buffer.from(JSON.stringify(v))],
    ['msgpack', (v: unknown) => encodeMsgpack(v)],
    ['cbor', (v: unknown) => encodeCbor(v)],
  ] as const)('may be in %s, for each reading of a message', (format, encode) => {
    const seqs = [3, 70_000, 2 ** 40];
    const payload = encode({ readings: seqs.map(withSeq) });
    const { readings } = decodeOne({ ...numbered, format, each: 'readings' }, payload);
    expect(readings.map((reading) => reading.sequence)).toEqual(seqs);
  });

  test('may also be a field', () => {
    const { readings } = decodeOne({ ...numbered, fields: [field('seq', 'number', 'meta.seq')] }, withSeq(5));
    expect(readings[0]).toMatchObject({ sequence: 5, values: [5] });
  });

  test('gives the identity, whatever the format, grouping and time unit of the reading', () => {
    const idOf = (payload: unknown, record = {}, changes: Partial<StreamConfig> = {}) => {
      const [reading] = decodeOne({ ...numbered, ...changes }, payload, record).readings;
      return [reading?.idHigh, reading?.idLow];
    };
    const id = idOf(withSeq(5));
    expect(idOf(`{"meta":{"seq":5.0}, "temp":1, "ts":${RECEIVED_AT}}`, { connection: 1 }, {})).toEqual(id);
    expect(idOf([withSeq(5)], { offset: 9 }, { each: '$' })).toEqual(id);
    expect(idOf(encodeMsgpack(withSeq(5)), { topic: 'plant/hall2/dev-1/data' }, { format: 'msgpack' })).toEqual(id);
    const others = [
      idOf(withSeq(6)),
      idOf({ ...withSeq(5), ts: RECEIVED_AT + 1 }),
      idOf(withSeq(5), { topic: 'plant/hall1/dev-2/data' }),
      idOf(withSeq(5), {}, { name: 'meters' }),
    ];
    expect(new Set([id, ...others].map(String)).size).toBe(5);
  });

  test('gives an identity with the stamp that was sent, even if the stamp is clamped', () => {
    const payload = { ...withSeq(5), ts: RECEIVED_AT + 2 * MAX_AHEAD_MS };
    const [first] = decodeOne(numbered, payload).readings;
    const [again] = decodeOne(numbered, payload, { at: RECEIVED_AT + 1_000 }).readings;
    expect([first?.clamped, again?.clamped]).toEqual([true, true]);
    expect(again).toMatchObject({ idHigh: first?.idHigh, idLow: first?.idLow });
  });
});

describe('time', () => {
  test.each<[Record<string, unknown>, string, RegExp]>([
    [{ temp: 1 }, 'missing-time', /no time at "ts"/],
    [{ temp: 1, ts: null }, 'missing-time', /no time/],
    [
      { temp: 1, ts: RECEIVED_AT / 1000 },
      'invalid-time',
      /the time at "ts": the number \d+ looks like seconds, but the stream declares ms/,
    ],
    [{ temp: 1, ts: 'x' }, 'invalid-time', /text "x" is not a number/],
  ])('%j is refused: %s', (payload, reason, words) => {
    expect(decodeOne(TIMED, payload).rejected[0]).toMatchObject({ reason, detail: expect.stringMatching(words) });
  });

  test('MessagePack and CBOR timestamps', () => {
    const msgpack = { format: 'msgpack', time: { path: 'ts', unit: 'iso8601' } } as const;
    expect(
      decodeOne(msgpack, Buffer.from(encodeMsgpack({ ts: new Date(RECEIVED_AT - 1), temp: 1 }))).readings[0]?.time,
    ).toBe(RECEIVED_AT - 1);
    const cbor = { format: 'cbor', time: { path: 'ts', unit: 's' } } as const;
    const tagged = Buffer.from('a2627473c11a6553f1006474656d7001', 'hex');
    expect(decodeOne(cbor, tagged).readings[0]?.time).toBe(1_700_000_000_000);
  });

  test('a retained message without a time of its own is ignored, and counted', () => {
    const without = decodeOne({}, { temp: 1 }, { retain: true });
    expect(without.items).toEqual([]);
    expect(without.counters.retained_ignored).toBe(1);
    expect(decodeOne(TIMED, { ts: RECEIVED_AT - 9e9, temp: 1 }, { retain: true }).readings).toHaveLength(1);
  });

  test('isKnown is called for each retained message, except for a status and for a stream without time', () => {
    const stamped = { ts: RECEIVED_AT, temp: 1 };
    const status = { topic: 'plant/{device}/status', offline: ['offline'], online: ['online'] };
    const cases = [
      [TIMED, stamped, { retain: true }, 0],
      [TIMED, stamped, { retain: false }, 1],
      [{}, stamped, { retain: true }, 0],
      [{ ...TIMED, status }, 'online', { retain: true, topic: 'plant/d/status' }, 1],
      [TIMED, stamped, { retain: true, topic: 'nowhere' }, 0],
    ] as const;
    const asked = cases.map(([changes, payload, record, items]) => {
      const counters = createCounters();
      const streams = [sampleStream(changes)];
      const decode = createDecoder({ streams, brokers: ['main'], maxAheadMs: MAX_AHEAD_MS, counters });
      let count = 0;
      const out: Item[] = [];
      decode(message(payload, record), out, () => ++count > 0);
      expect(out).toHaveLength(items);
      expect(counters.retained_repeated).toBe(count);
      return count;
    });
    expect(asked).toEqual([1, 0, 0, 0, 1]);
  });
});

describe('many readings in a message', () => {
  const each = {
    each: 'batch.items',
    device: { path: 'id' },
    labels: [{ name: 'gateway', place: { path: '$.gw' } }],
    time: { path: '$.meta.0', unit: 'ms' },
  } as const;

  test('paths are relative to the element, paths with $. to the message', () => {
    const payload = {
      gw: 'g1',
      meta: [RECEIVED_AT - 5],
      batch: {
        items: [
          { id: 'a', temp: 1 },
          { id: 'b', temp: 2, x: 3 },
        ],
      },
      other: 1,
    };
    const { readings } = decodeOne(each, payload);
    expect(readings.map(({ device, labels, time, values, extra }) => [device, labels, time, values[0], extra])).toEqual(
      [
        ['a', ['g1'], RECEIVED_AT - 5, 1, undefined],
        ['b', ['g1'], RECEIVED_AT - 5, 2, { x: '3' }],
      ],
    );
  });

  test('a message or element does not affect the next one', () => {
    const first = message({
      gw: 'g1',
      meta: [RECEIVED_AT],
      batch: {
        items: [
          { id: 'a', temp: 1, ok: true },
          { id: 'b', mode: 'x' },
        ],
      },
    });
    const second = message({ meta: [RECEIVED_AT], batch: { items: [{ temp: 1 }, { id: 'c', temp: 1 }] } });
    const { readings, rejected } = decodeAll([sampleStream(each)], [first, second]);
    expect(readings.map(({ device, labels, values }) => [device, labels[0], values])).toEqual([
      ['a', 'g1', [1, true, undefined]],
      ['b', 'g1', [undefined, undefined, 'x']],
      ['c', '', [1, undefined, undefined]],
    ]);
    expect(rejected).toHaveLength(1);
  });

  test('only the bad element is rejected, and the detail says which one it is', () => {
    const payload = [{ temp: 1 }, { temp: 'x' }, 5, { temp: 2 }];
    const { items, counters } = decodeOne({ each: '$' }, payload);
    expect(items.map((item) => (item.kind === 'rejected' ? item.reason : item.kind))).toEqual([
      'reading',
      'wrong-type',
      'not-an-object',
      'reading',
    ]);
    expect(items[1]).toMatchObject({
      detail: expect.stringMatching(/^reading 1 of the message, counted from 0: /),
      payload: Buffer.from(JSON.stringify(payload)),
    });
    expect(counters).toMatchObject({ readings: 2, rejected: 2 });
  });

  test('elements may be arrays if paths are indices', () => {
    const rows = { each: '$', fields: [field('temp', 'number', '1')], time: { path: '0', unit: 'ms' } } as const;
    expect(decodeOne(rows, [[RECEIVED_AT, 21.5, 'x']]).readings[0]).toMatchObject({
      values: [21.5],
      time: RECEIVED_AT,
      extra: { 2: '"x"' },
    });
    expect(decodeOne({ each: '$' }, [[1]]).rejected[0]).toMatchObject({ reason: 'not-an-object' });
  });

  test.each<[unknown, string, RegExp]>([
    [{ batch: { items: {} } }, 'wrong-type', /"batch.items" is an object, but "each" needs an array/],
    [{}, 'wrong-type', /is nothing/],
    [{ batch: { items: Array(11).fill({ temp: 1 }) } }, 'too-large', /has 11 readings, but the stream allows 10/],
  ])('%j is refused: %s', (payload, reason, words) => {
    const { rejected, readings } = decodeOne(each, payload);
    expect([rejected.length, readings.length]).toEqual([1, 0]);
    expect(rejected[0]).toMatchObject({ reason, detail: expect.stringMatching(words) });
  });

  test('an empty array is a message of no readings', () => {
    expect(decodeOne({ each: '$' }, []).items).toEqual([]);
  });

  test('ndjson: lines are independent', () => {
    const { items } = decodeOne({ format: 'ndjson' }, '{"temp":1}\n\n{"temp":\n{"temp":"x"}\r\n{"temp":2}\n');
    expect(items.map((item) => (item.kind === 'rejected' ? item.detail.slice(0, 9) : item.kind))).toEqual([
      'reading',
      'reading 1',
      'reading 2',
      'reading',
    ]);
    const many = decodeOne({ format: 'ndjson' }, '{"temp":1}\n'.repeat(11));
    expect(many.rejected.map((item) => item.reason)).toEqual(['too-large']);
  });

  test('ndjson with each counts the readings of all lines', () => {
    const line = JSON.stringify({ a: Array(4).fill({ temp: 1 }) });
    const { items, readings } = decodeOne({ format: 'ndjson', each: 'a' }, `${line}\n${line}\n${line}`);
    expect(readings).toHaveLength(8);
    expect(items.at(-1)).toMatchObject({ kind: 'rejected', reason: 'too-large' });
    expect(new Set(readings.map((reading) => reading.idLow)).size).toBe(8);
  });
});

describe('plain', () => {
  const named = { format: 'plain', topic: 'plant/{site}/{device}/{field}' } as const;
  test.each<[string, string, unknown[]]>([
    ['temp', '21.5\n', [21.5, undefined, undefined]],
    ['ok', 'Off', [undefined, false, undefined]],
    ['mode', ' auto ', [undefined, undefined, 'auto']],
    ['mode', '5', [undefined, undefined, '5']],
  ])('%s %j', (name, payload, values) => {
    expect(decodeOne(named, payload, { topic: `plant/h/d/${name}` }).readings[0]).toMatchObject({
      device: 'd',
      labels: ['h'],
      values,
    });
  });

  test('is the value of the only field if the topic names no field', () => {
    expect(decodeOne({ format: 'plain', fields: [field('temp')] }, '5').readings[0]?.values).toEqual([5]);
    expect(decodeOne({ format: 'plain' }, '5').rejected[0]).toMatchObject({
      reason: 'no-fields',
      detail: expect.stringContaining('add {field} to'),
    });
  });

  test.each([
    ['temp', 'warm', 'wrong-type'],
    ['temp', 'NaN', 'wrong-type'],
    ['temp', '1e999', 'not-finite'],
    ['temp', '', 'malformed'],
    ['other', '5', 'no-fields'],
    ['__proto__', '5', 'no-fields'],
  ])('%s %j is refused: %s', (name, payload, reason) => {
    expect(decodeOne(named, payload, { topic: `plant/h/d/${name}` }).rejected[0]?.reason).toBe(reason);
  });
});

describe('the stream of a message', () => {
  const streams = [
    sampleStream({ name: 'first', topic: 'plant/{site}/{device}/data', broker: 'b' }),
    sampleStream({ name: 'second', topic: 'plant/{site}/{device}/+' }),
    sampleStream({ name: 'third', topic: 'plant/{site}/{device}/#' }),
  ];
  test.each([
    [1, 'plant/h/d/data', 0],
    [0, 'plant/h/d/data', 1],
    [9, 'plant/h/d/data', 1],
    [1, 'plant/h/d/other', 1],
    [1, 'plant/h/d/o/p', 2],
    [1, 'plant/h', -1],
    [1, '$SYS/x', -1],
  ])('of broker %d, topic %s: %d', (connection, topic, stream) => {
    const record = message({ temp: 1 }, { connection, topic });
    const { items } = decodeAll(streams, [record, record], ['a', 'b']);
    expect(items).toMatchObject([{ stream }, { stream }]);
    if (stream < 0) expect(items[0]).toMatchObject({ reason: 'no-stream', detail: expect.stringContaining('"b"') });
  });

  test('forgotten topics change no result', () => {
    const counters = createCounters();
    const decode = createDecoder({ streams, brokers: ['a'], maxAheadMs: 0, counters });
    const payload = Buffer.from('{"temp":1}');
    let wrong = 0;
    for (let i = 0; i < 50_100; i++) {
      const out: Parameters<typeof decode>[1] = [];
      decode(message(payload, { topic: `plant/h/d${i % 50_050}/data` }), out);
      if (out[0]?.kind !== 'reading' || out[0].device !== `d${i % 50_050}`) wrong++;
    }
    expect(wrong).toBe(0);
  });

  test('only the first of several rejections of a message has the payload', () => {
    const payload = JSON.stringify([{ temp: 'x' }, { temp: 1 }, { temp: 'y' }]);
    const { rejected, readings } = decodeOne({ each: '$' }, payload);
    expect(readings).toHaveLength(1);
    expect(rejected).toMatchObject([
      { ordinal: 0, payload: Buffer.from(payload) },
      { ordinal: 1, payload: new Uint8Array() },
    ]);
  });

  test('a config that was not checked throws when it is compiled', () => {
    const compile = (changes: Partial<StreamConfig>) => () => decodeOne(changes, {});
    expect(compile({ topic: 'a/{x' })).toThrow('Topic "a/{x"');
    expect(compile({ topic: 'a/{device}' })).toThrow('no placeholder {site}');
    expect(compile({ status: { topic: 'a/b', offline: [], online: [] } })).toThrow('no placeholder {device}');
  });
});

describe('status topics', () => {
  const status = { topic: 'plant/{site}/{device}/state', offline: ['offline', 'lost'], online: ['online'] };
  const run = (
    payload: string | Uint8Array,
    changes: Partial<StreamConfig> = {},
    topic = 'plant/h/d/state',
    retain = true,
  ) => decodeOne({ topic: 'plant/{site}/{device}/#', status, ...changes }, payload, { topic, retain });

  test.each([
    ['online', true],
    [' offline\n', false],
    ['lost', false],
  ])('%j', (payload, online) => {
    expect(run(payload).items).toEqual([
      {
        kind: 'status',
        offset: 7,
        at: RECEIVED_AT,
        connection: 0,
        stream: 0,
        device: 'd',
        labels: ['h'],
        online,
        retained: true,
        liveMs: 0,
      },
    ]);
  });

  test.each<[string | Uint8Array, string, RegExp]>([
    ['Online', 'malformed', /the status is "Online"; send one of "online", "offline", "lost"/],
    ['{"temp":1}', 'malformed', /the status is/],
    [' ', 'malformed', /the status is ""/],
    [Uint8Array.of(0xff), 'invalid-utf8', /UTF-8/],
    ['x'.repeat(10_001), 'too-large', /10001 bytes/],
  ])('%s is refused: %s', (payload, reason, words) => {
    const { items, counters } = run(payload);
    expect(items).toMatchObject([{ kind: 'rejected', reason, stream: 0, detail: expect.stringMatching(words) }]);
    expect(counters.rejected).toBe(1);
  });

  test('an empty payload, which deletes a retained status, gives no item', () => {
    expect(run('').items).toEqual([]);
  });

  test('an empty level is not a device id', () => {
    expect(run('online', {}, 'plant/h//state').rejected[0]).toMatchObject({ reason: 'invalid-device' });
  });

  test('the device placeholder is that of the data topic, or {device}; labels that the topic does not name are empty', () => {
    const renamed = { topic: 'p/{sensor}', device: { topic: 'sensor' }, labels: [{ name: 'l', place: { path: 'l' } }] };
    expect(
      run('online', { ...renamed, status: { ...status, topic: 's/{device}/{sensor}' } }, 's/a/b').items,
    ).toMatchObject([{ device: 'b', labels: [''] }]);
    expect(run('online', { ...renamed, status: { ...status, topic: 's/{device}' } }, 's/a').items).toMatchObject([
      { device: 'a' },
    ]);
  });

  test('give a status for every stream that has them, before any data topic matches', () => {
    const streams = [
      sampleStream({ topic: '#', device: { path: 'id' }, labels: [] }),
      sampleStream({ status }),
      sampleStream({ status, broker: 'other' }),
      sampleStream({ status }),
    ];
    const { items } = decodeAll(streams, [message('online', { topic: 'plant/h/d/state' })]);
    expect(items).toMatchObject([
      { kind: 'status', stream: 1 },
      { kind: 'status', stream: 3 },
    ]);
  });
});
