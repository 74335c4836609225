import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileStream } from '../../engine/decode/compile-stream.ts';
import { createJsonScanner } from '../../engine/decode/json-scan.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Item } from '../../engine/model/item/item.ts';
import { type Decoded, decodeAll, decodeOne, field, message, sampleStream } from './sample.ts';

/** A byte order mark is dropped, and makes the scanner leave the message to `JSON.parse`. */
const MARK = Buffer.from([0xef, 0xbb, 0xbf]);

const FIELDS = [field('temp'), field('ok', 'boolean'), field('mode', 'string'), field('long', 'number', '7')];
const STREAMS = fc.record({
  format: fc.constantFrom('json' as const, 'ndjson' as const),
  each: fc.constantFrom(undefined, '$', 'list'),
  undeclared: fc.constantFrom('keep' as const, 'ignore' as const, 'reject' as const),
  coerce: fc.boolean(),
  inPayload: fc.boolean(),
  unit: fc.constantFrom('ms' as const, 'iso8601' as const, undefined),
  depth: fc.constantFrom(1, 2, 3, 6),
  most: fc.constantFrom(2, 10),
  nested: fc.boolean(),
});

function streamOf(made: typeof STREAMS extends fc.Arbitrary<infer T> ? T : never): StreamConfig {
  const { format, each, undeclared, coerce, inPayload, unit, depth, most, nested } = made;
  const stamp = each === 'list' ? '$.ts' : 'ts';
  const base = sampleStream({ format, undeclared, coerce });
  return {
    ...base,
    fields: nested ? [...FIELDS, field('inner', 'number', 'a.b')] : FIELDS,
    ...(inPayload && { device: { path: 'id' }, labels: [{ name: 'site', place: { path: 'site' } }] }),
    ...(each !== undefined && format === 'json' && { each }),
    ...(unit !== undefined && { time: { path: stamp, unit } }),
    limits: { ...base.limits, depth, readings: most, fields: most + 2 },
  };
}

const KEYS = [
  'temp',
  'ok',
  'mode',
  '7',
  'id',
  'site',
  'ts',
  'x',
  'y',
  'a',
  '10',
  'temp ',
  'tem',
  '',
  'list',
  '__proto__',
];
const HARD_KEYS = ['constructor', 'prototype', 'te\\u006dp', '\\u005f_proto__', 'é', 'a\\"b', 'toString', '_x'];
const key = fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...KEYS) }, fc.constantFrom(...HARD_KEYS));

const NUMBERS = [
  ...[
    '0',
    '-0',
    '1',
    '-1.5',
    '0.1',
    '23.456789',
    '1769860800000',
    '999999999999999',
    '1e3',
    '1E-5',
    '-2.5e+2',
    '1e999',
  ],
  ...[
    '9007199254740991',
    '9007199254740993',
    '-9007199254740993',
    '123456789012345678901234567890',
    '0.1234567890123456789',
  ],
  ...[
    '01',
    '-',
    '+1',
    '1.',
    '.5',
    '1.e5',
    '0x10',
    'NaN',
    'Infinity',
    '-Infinity',
    '1_000',
    '00',
    '-01',
    '1e',
    '0.00000000000000000000001',
  ],
];
const TEXTS = [
  '"dev-1"',
  '"on"',
  '""',
  '"2026-01-31T12:00:00Z"',
  '"1769860800000"',
  '"12.5"',
  '"é"',
  '"\\n"',
  '"\\u0041"',
  '"\\ud800"',
];
const OTHERS = [
  'true',
  'false',
  'null',
  'tru',
  'nul',
  '"open',
  '"a\tb"',
  '{}',
  '[]',
  '[1]',
  '{"b":1}',
  '{"prototype":1}',
  "'a'",
  '',
];
const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NUMBERS) },
  { weight: 4, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 2, arbitrary: fc.constantFrom(...OTHERS) },
  { weight: 3, arbitrary: fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => JSON.stringify(each)) },
);
const usualValue = fc.constantFrom(
  '1',
  '2.5',
  '"dev-1"',
  '"run"',
  'true',
  'null',
  '1769860800000',
  '"2026-01-31T12:00:00Z"',
);
const space = fc.constantFrom('', '', '', ' ', '\t', '\r', '\n', '\v');

const member = fc
  .oneof(
    fc.tuple(space, key, space, space, usualValue, space),
    fc.tuple(
      fc.constant(''),
      fc.constantFrom(...KEYS.slice(0, 9)),
      fc.constant(''),
      fc.constant(''),
      value,
      fc.constant(''),
    ),
  )
  .map(([a, name, b, c, text, d]) => `${a}"${name}"${b}:${c}${text}${d}`);
const usualMember = fc
  .tuple(fc.constantFrom(...KEYS.slice(0, 9)), usualValue)
  .map(([name, text]) => `"${name}":${text}`);
/** Most have one hostile part: with more of them, an early one would hide the later ones. */
const object = fc
  .tuple(
    fc.array(usualMember, { maxLength: 4 }),
    fc.oneof(
      { weight: 5, arbitrary: fc.array(member, { minLength: 1, maxLength: 1 }) },
      fc.array(member, { maxLength: 4 }),
    ),
    fc.array(usualMember, { maxLength: 2 }),
  )
  .map((members) => `{${members.flat().join(',')}}`);
const usualObject = fc.array(usualMember, { maxLength: 3 }).map((members) => `{${members.join(',')}}`);
const list = fc
  .oneof(fc.array(object, { maxLength: 3 }), fc.array(usualObject, { maxLength: 4 }))
  .map((objects) => `[${objects.join(',')}]`);
const document = fc.oneof(
  object,
  list,
  fc
    .tuple(fc.array(member, { maxLength: 2 }), list, fc.array(usualMember, { maxLength: 2 }))
    .map(([before, array, after]) => `{${[...before, `"list":${array}`, ...after].join(',')}}`),
  fc.array(fc.oneof(object, space), { maxLength: 5 }).map((lines) => lines.join('\n')),
  object,
  fc.tuple(space, object, space).map((parts) => parts.join('')),
  fc
    .tuple(fc.integer({ min: 1, max: 8 }), object)
    .map(([depth, inner]) => '['.repeat(depth) + inner + ']'.repeat(depth)),
);

/** A byte that is removed, or replaced by another, from anywhere in the text. */
const damage = fc.option(fc.record({ at: fc.nat(), byte: fc.option(fc.integer({ min: 0, max: 255 })) }), { freq: 1 });
const payload = fc.tuple(document, damage).map(([text, fault]) => {
  const bytes = Buffer.from(text);
  if (fault === null || bytes.length === 0) return bytes;
  const at = fault.at % bytes.length;
  const put = fault.byte === null ? [] : [fault.byte];
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(at + 1)]);
});

/** What was decoded, without what depends on the bytes of the whole message. */
function contentOf({ items, counters }: Decoded) {
  const plain = items.map((item: Item) => {
    if (item.kind === 'reading') return { ...item, idHigh: 0, idLow: 0 };
    return item.kind === 'rejected' ? { ...item, payload: item.payload.length > 0 } : item;
  });
  return { items: plain, counters };
}

test('a message is read from its bytes exactly as by JSON.parse', () => {
  fc.assert(
    fc.property(STREAMS, fc.array(payload, { minLength: 1, maxLength: 4 }), (made, payloads) => {
      fc.pre(payloads.every((each) => each.length > 0 && !each.subarray(0, 3).equals(MARK)));
      const streams = [streamOf(made)];
      const messages = payloads.map((each, offset) => message(each, { offset }));
      const marked = messages.map((each) => ({ ...each, payload: Buffer.concat([MARK, each.payload]) }));
      expect(contentOf(decodeAll(streams, messages))).toEqual(contentOf(decodeAll(streams, marked)));
    }),
    { numRuns: 3_000 },
  );
}, 60_000);

test('every number is read as by JSON.parse', () => {
  const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 17 });
  const decimal = fc.tuple(fc.constantFrom('', '-'), digits, fc.option(digits)).map(([sign, whole, part]) => {
    return `${sign}${whole.replace(/^0+(?=\d)/, '')}${part === null ? '' : `.${part}`}`;
  });
  fc.assert(
    fc.property(decimal, (text) => {
      const { readings } = decodeOne({ fields: [field('temp')] }, `{"temp":${text},"l":0.5}`);
      const expected = JSON.parse(text) as number;
      if (Math.abs(expected) <= Number.MAX_SAFE_INTEGER) expect(readings[0]!.values[0]).toBe(expected);
    }),
    { numRuns: 5_000 },
  );
}, 60_000);

/** The number of readings that the scanner finds; -1 if it leaves the message to `JSON.parse`. */
function scan(changes: Partial<StreamConfig>, text: string): number {
  const scanner = createJsonScanner(compileStream(sampleStream(changes), 0));
  return scanner === undefined ? Number.NaN : scanner.scan(Buffer.from(text));
}

test('usual messages are not left to JSON.parse', () => {
  expect(scan({}, '{"temp":21.5,"ok":true,"mode":"run","unknown":[]}'.replace('[]', '"x"'))).toBe(1);
  expect(scan({}, ' { "temp" : -21.5e0 }')).toBe(-1);
  expect(scan({}, ' { "temp" : -21.5 }\n')).toBe(1);
  expect(scan({ each: '$' }, '[{"temp":1}, {"temp":2}]')).toBe(2);
  expect(scan({ each: '$' }, '[]')).toBe(0);
  expect(scan({ each: 'readings' }, '{"gateway":"g1","readings":[{"temp":1},{"temp":2},{}]}')).toBe(3);
  expect(scan({ format: 'ndjson' }, '{"temp":1}\r\n\n{"temp":2}')).toBe(2);
  expect(scan({ fields: [field('temp', 'number', 'a.temp')] }, '{}')).toBeNaN();
  expect(scan({ format: 'msgpack' }, '{}')).toBeNaN();
});

test('nothing of a message remains for the next one', () => {
  const stream = sampleStream({ undeclared: 'keep' });
  const { readings } = decodeAll([stream], [message({ temp: 1, mode: 'a', x: 1 }), message({ ok: true })]);
  expect(readings.map(({ values, extra }) => ({ values, extra }))).toEqual([
    { values: [1, undefined, 'a'], extra: { x: '1' } },
    { values: [undefined, true, undefined], extra: undefined },
  ]);
});
