import { encode as encodeMsgpack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PayloadFormat, StreamConfig } from '../../engine/model/config.ts';
import type { Item } from '../../engine/model/item/item.ts';
import { decodeAll, decodeOne, field, MAX_AHEAD_MS, message, RECEIVED_AT, sampleStream } from './sample.ts';

const FORMATS: readonly PayloadFormat[] = ['json', 'ndjson', 'plain', 'msgpack', 'cbor'];

const streams = fc.record({
  format: fc.constantFrom(...FORMATS),
  coerce: fc.boolean(),
  undeclared: fc.constantFrom('keep', 'ignore', 'reject'),
  each: fc.constantFrom(undefined, '$', 'a'),
  device: fc.constantFrom({ topic: 'device' }, { path: 'id' }, { path: 'a.id' }),
  unit: fc.constantFrom(undefined, 's', 'iso8601'),
});

function streamOf({ each, unit, ...rest }: typeof streams extends fc.Arbitrary<infer T> ? T : never): StreamConfig {
  const fields = [
    field('temp'),
    field('ok', 'boolean', 'a.ok'),
    field('mode', 'string'),
    field('first', 'number', 'b.0'),
  ];
  const base = sampleStream({
    ...(rest as Partial<StreamConfig>),
    fields,
    labels: [{ name: 'l', place: { path: 'c' } }],
  });
  return { ...base, ...(each && { each }), ...(unit && { time: { path: 'ts', unit: unit as 's' } }) };
}

/** Checks that every item is within the types and the limits. */
function expectValid(items: readonly Item[], stream: StreamConfig): void {
  for (const item of items) {
    expect(['reading', 'rejected']).toContain(item.kind);
    if (item.kind === 'rejected') expect(item.detail.length).toBeLessThan(400);
    if (item.kind !== 'reading') continue;
    expect(item.device.length > 0 && item.device.length <= 256).toBe(true);
    expect(item.labels.every((label) => typeof label === 'string') && item.labels.length === 1).toBe(true);
    expect(item.time >= 0 && item.time <= RECEIVED_AT + MAX_AHEAD_MS).toBe(true);
    expect(item.values).toHaveLength(stream.fields.length);
    expect(item.values.some((value) => value !== undefined)).toBe(true);
    item.values.forEach((value, i) => {
      if (value !== undefined) expect(typeof value).toBe(stream.fields[i]!.type);
      if (typeof value === 'number') expect(Number.isFinite(value)).toBe(true);
    });
    for (const text of Object.values(item.extra ?? {})) expect(() => JSON.parse(text)).not.toThrow();
    expect(item.idHigh >>> 0).toBe(item.idHigh);
    expect(item.idLow >>> 0).toBe(item.idLow);
  }
}

const keys = fc.constantFrom(
  'temp',
  'ok',
  'mode',
  'a',
  'b',
  'c',
  'id',
  'ts',
  'x',
  '0',
  '__proto__',
  'constructor',
  'prototype',
  'length',
);
const leaves = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.string(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(RECEIVED_AT / 1_000),
  fc.constantFrom('21.5', 'on', 'NaN', '2026-01-31T11:00:00Z'),
);
const values = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    leaves,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(keys, tie('value'), { maxKeys: 8 }),
  ),
})).value;

/** Mostly valid values, so that many messages are read to their end. */
function mostly<T>(wanted: fc.Arbitrary<T>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: wanted }, { weight: 1, arbitrary: values });
}

const near = fc.record(
  {
    temp: mostly(fc.integer()),
    mode: mostly(fc.string()),
    id: mostly(fc.string({ minLength: 1 })),
    a: mostly(fc.record({ ok: fc.boolean(), id: fc.constant('d'), x: leaves }, { requiredKeys: ['id'] })),
    b: mostly(fc.array(fc.integer(), { maxLength: 2 })),
    c: mostly(leaves),
    ts: mostly(fc.constantFrom(RECEIVED_AT / 1_000, '2026-01-31T11:00:00Z')),
    x: mostly(leaves),
  },
  { requiredKeys: ['ts', 'id'] },
);
const messages = fc.oneof(
  values,
  near,
  fc.array(near, { maxLength: 4 }),
  fc.record({ a: fc.array(near, { maxLength: 4 }) }),
  leaves,
);

function encodeAs(format: PayloadFormat, value: unknown): Uint8Array {
  if (format === 'msgpack') return encodeMsgpack(value);
  if (format === 'cbor') return encodeCbor(value);
  return Buffer.from(JSON.stringify(value));
}

test('any value in any format gives valid items or a reason, and never throws', () => {
  let readings = 0;
  fc.assert(
    fc.property(streams, messages, (spec, value) => {
      const stream = streamOf(spec);
      const { items } = decodeAll([stream], [message(encodeAs(stream.format, value))]);
      expectValid(items, stream);
      if (!stream.each) expect(items).toHaveLength(1);
      readings += items.filter((item) => item.kind === 'reading').length;
    }),
    { numRuns: 1_000 },
  );
  expect(readings).toBeGreaterThan(10);
});

test('any bytes give valid items or a reason, and never throw', () => {
  fc.assert(
    fc.property(streams, fc.uint8Array({ maxLength: 60 }), (spec, bytes) => {
      const stream = streamOf(spec);
      expectValid(decodeAll([stream], [message(bytes)]).items, stream);
    }),
    { numRuns: 1_000 },
  );
});

test('a damaged payload gives valid items or a reason, and never throws', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
  fc.assert(
    fc.property(streams, messages, damage, fc.nat(), (spec, value, flips, cut) => {
      const stream = streamOf(spec);
      const whole = Uint8Array.from(encodeAs(stream.format, value));
      for (const [at, byte] of flips) whole[at % whole.length] = byte;
      const bytes = cut % 3 === 0 ? whole.subarray(0, cut % (whole.length + 1)) : whole;
      expectValid(decodeAll([stream], [message(bytes)]).items, stream);
    }),
    { numRuns: 1_000 },
  );
});

const good = fc.record({
  ts: fc.integer({ min: RECEIVED_AT - 1e9, max: RECEIVED_AT }),
  temp: fc.double({ noNaN: true, min: -1e15, max: 1e15 }).map((value) => value + 0),
  ok: fc.boolean(),
  mode: fc.string({ unit: 'grapheme' }),
});

test('an encoded reading is decoded to the same values, in every format of objects', () => {
  fc.assert(
    fc.property(good, fc.constantFrom<PayloadFormat>('json', 'ndjson', 'msgpack', 'cbor'), (sample, format) => {
      const { readings, rejected } = decodeOne({ format, time: { path: 'ts', unit: 'ms' } }, encodeAs(format, sample));
      expect(rejected).toEqual([]);
      expect(readings).toMatchObject([
        { time: sample.ts, values: [sample.temp, sample.ok, sample.mode], extra: undefined },
      ]);
    }),
  );
});

test('an encoded value is decoded to the same value, as plain text', () => {
  fc.assert(
    fc.property(good, fc.constantFrom('temp', 'ok', 'mode'), (sample, name) => {
      const sent = String(sample[name as 'temp']).trim();
      fc.pre(sent !== '');
      const topic = { topic: `plant/h/d/${name}` };
      const { readings } = decodeOne({ format: 'plain', topic: 'plant/{site}/{device}/{field}' }, sent, topic);
      const expected = name === 'mode' ? sent : sample[name as 'temp'];
      expect(readings[0]?.values[['temp', 'ok', 'mode'].indexOf(name)]).toBe(expected);
    }),
  );
});

test('good elements beside bad ones are read as if they were alone', () => {
  const bad = fc.constantFrom<unknown>(
    5,
    null,
    'x',
    [],
    {},
    { temp: 'x' },
    { temp: 1, ts: 'never' },
    { temp: 1 },
    { ts: RECEIVED_AT, temp: 1e300 },
  );
  const mixed = fc.array(fc.oneof(good, bad), { maxLength: 10 });
  fc.assert(
    fc.property(mixed, fc.constantFrom<PayloadFormat>('json', 'ndjson', 'msgpack', 'cbor'), (elements, format) => {
      const time = { path: 'ts', unit: 'ms' } as const;
      const lines = format === 'ndjson';
      fc.pre(!lines || elements.length > 0);
      const payload = lines
        ? Buffer.from(elements.map((element) => JSON.stringify(element)).join('\n'))
        : encodeAs(format, elements);
      const together = decodeOne(lines ? { format, time } : { format, time, each: '$' }, payload);
      const alone = elements.map((element) => decodeOne({ format, time }, encodeAs(format, element)).items[0]!);
      expect(together.items.map((item) => item.kind)).toEqual(alone.map((item) => item.kind));
      together.items.forEach((item, i) => {
        const single = alone[i]!;
        if (item.kind === 'reading')
          expect({ ...item, idHigh: 0, idLow: 0 }).toEqual({ ...single, idHigh: 0, idLow: 0 });
        else if (item.kind === 'rejected' && single.kind === 'rejected') expect(item.reason).toBe(single.reason);
      });
    }),
  );
});
