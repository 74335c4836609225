import { encode as encodeMsgpack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExactly } from '../../engine/decode/exact-json.ts';
import { createParser } from '../../engine/decode/formats.ts';
import { Rejection } from '../../engine/decode/rejection.ts';
import type { PayloadFormat } from '../../engine/model/config.ts';

const LIMITS = { bytes: 1_000, depth: 4, readings: 3 };

function parse(format: PayloadFormat, payload: string | Uint8Array | number[]): unknown {
  return createParser(format, LIMITS)(typeof payload === 'string' ? Buffer.from(payload) : Uint8Array.from(payload));
}

function reasonOf(parsed: unknown): string {
  return parsed instanceof Rejection ? parsed.reason : `accepted: ${JSON.stringify(parsed)}`;
}

/** Indices of bytes in hexadecimal, as the specifications print them. */
function hex(text: string): number[] {
  return [...Buffer.from(text.replaceAll(' ', ''), 'hex')];
}

describe('json', () => {
  test.each([
    ['{"a":1}', { a: 1 }],
    [' [1,2] ', [1, 2]],
    ['"x"', 'x'],
    ['\ufeff{"a":1}', { a: 1 }],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"a":"\ufffd"}', { a: '\ufffd' }],
    ['{"a":"[[[[[["}', { a: '[[[[[[' }],
    ['{"a":"\\"[[[[[["}', { a: '"[[[[[[' }],
    ['{"a":"__proto__"}', { a: '__proto__' }],
    ['{"constructor":{"name":"x"}}', { constructor: { name: 'x' } }],
    ['{"a":"\\u00b0C"}', { a: '°C' }],
    ['{"a":[[[1]]]}', { a: [[[1]]] }],
    ['{"a":1e999}', { a: Number.POSITIVE_INFINITY }],
  ])('%s is read', (text, expected) => {
    expect(parse('json', text)).toEqual(expected);
  });

  test.each([
    ['', 'malformed'],
    ['   ', 'malformed'],
    ['{"a":NaN}', 'malformed'],
    ['{"a":Infinity}', 'malformed'],
    ['{"a":1,}', 'malformed'],
    ['{"a":1} {"a":2}', 'malformed'],
    ["{'a':1}", 'malformed'],
    ['{"a":01}', 'malformed'],
    ['/* */1', 'malformed'],
    ['{"a":"\n"}', 'malformed'],
    ['{"a":', 'malformed'],
    ['{"a":[[[[1]]]]}', 'too-deep'],
    ['['.repeat(900), 'too-deep'],
    [`{"a":"${'x'.repeat(1_000)}"}`, 'too-large'],
    ['{"__proto__":1}', 'forbidden-key'],
    ['{"a":[{"__proto__":{}}]}', 'forbidden-key'],
    ['{"\\u005f_proto_\\u005F":1}', 'forbidden-key'],
    ['{"__pr\\u006fto__":1}', 'forbidden-key'],
    ['{"constructor":{"prototype":{}}}', 'forbidden-key'],
    ['{"a":{"constructor":{"prototype":1}}}', 'forbidden-key'],
    ['{"\\u0063onstructor":{"prototype":1}}', 'forbidden-key'],
  ])('%j is refused: %s', (text, reason) => {
    expect(reasonOf(parse('json', text))).toBe(reason);
  });

  test('says where the text goes wrong', () => {
    expect(parse('json', '{"temp": NaN}')).toEqual(
      new Rejection(
        'malformed',
        'the payload is not JSON: found "NaN}" at character 10 (InvalidSymbol); send valid JSON',
      ),
    );
    expect((parse('json', '{"temp":') as Rejection).detail).toContain('the end of the payload');
  });

  test.each([
    [[0x22, 0xff, 0x22]],
    [[0x22, 0xc0, 0x80, 0x22]],
    [[0x22, 0xed, 0xa0, 0x80, 0x22]],
    [[0x22, 0xe2, 0x82, 0x22]],
  ])('bytes %j are no UTF-8', (bytes) => {
    expect(reasonOf(parse('json', bytes))).toBe('invalid-utf8');
    expect(reasonOf(parse('plain', bytes))).toBe('invalid-utf8');
  });

  test('accepts exactly as many bytes as the limit', () => {
    expect(parse('json', `"${'x'.repeat(998)}"`)).toHaveLength(998);
    expect(reasonOf(parse('json', `"${'x'.repeat(999)}"`))).toBe('too-large');
  });

  test('never accepts more than 512 levels, whatever the limit', () => {
    const parser = createParser('json', { bytes: 1e6, depth: 1e6, readings: 1 });
    expect(parser(Buffer.from(`${'['.repeat(512)}${']'.repeat(512)}`))).toBeInstanceOf(Array);
    expect(reasonOf(parser(Buffer.from('['.repeat(1e6))))).toBe('too-deep');
  });
});

describe('ndjson', () => {
  test('reads line by line, and a bad line does not affect the others', () => {
    expect(parse('ndjson', '\ufeff{"a":1}\r\n\n{"a":\n  {"a":3}')).toEqual([{ a: 1 }, expect.any(Rejection), { a: 3 }]);
  });
  test.each([
    [' \n \r\n', 'malformed'],
    ['1\n2\n3\n4', 'too-large'],
  ])('%j is refused: %s', (text, reason) => {
    expect(reasonOf(parse('ndjson', text))).toBe(reason);
  });
});

describe('plain', () => {
  test('is the text without the white space around it', () => {
    expect(parse('plain', '\ufeff 21.5 °C\n')).toBe('21.5 °C');
    expect(reasonOf(parse('plain', ' \n'))).toBe('malformed');
  });
});

describe('msgpack', () => {
  test.each<[string, unknown]>([
    ['81 a1 61 01', { a: 1 }],
    ['81 a1 61 cf 00 00 01 8b cf e5 68 00', { a: 1_700_000_000_000n }],
    ['81 a1 61 cb 7f f0 00 00 00 00 00 00', { a: Number.POSITIVE_INFINITY }],
    ['81 a1 61 c4 02 01 02', { a: Uint8Array.of(1, 2) }],
    ['81 01 02', { 1: 2 }],
    ['c0', null],
    ['d9 01 61', 'a'],
    ['81 a1 61 d6 ff 65 53 f1 00', { a: '2023-11-14T22:13:20.000000000Z' }],
    ['81 a1 61 d7 ff 1d 6f 34 54 65 53 f1 00', { a: '2023-11-14T22:13:20.123456789Z' }],
    ['81 a1 61 a9 5f 5f 70 72 6f 74 6f 5f 5f', { a: '__proto__' }],
    ['82 a1 61 01 a1 61 02', { a: 2 }],
  ])('%s is read', (bytes, expected) => {
    expect(parse('msgpack', hex(bytes))).toEqual(expected);
  });

  test.each([
    ['', 'malformed'],
    ['c1', 'malformed'],
    ['81 a1 61', 'malformed'],
    ['81 a1 61 01 00', 'malformed'],
    ['dd ff ff ff ff', 'malformed'],
    ['df ff ff ff ff', 'malformed'],
    ['db ff ff ff ff 61', 'malformed'],
    ['81 a1 61 d4 05 00', 'malformed'],
    ['81 c3 01', 'malformed'],
    ['91 91 91 91 91 01', 'too-deep'],
    ['91 '.repeat(900), 'too-deep'],
    ['81 a1 61 a1 ff', 'invalid-utf8'],
    ['81 a1 ff 01', 'invalid-utf8'],
    ['81 a9 5f 5f 70 72 6f 74 6f 5f 5f 01', 'forbidden-key'],
    ['81 a1 61 81 a9 5f 5f 70 72 6f 74 6f 5f 5f 01', 'forbidden-key'],
    ['81 ab 63 6f 6e 73 74 72 75 63 74 6f 72 81 a9 70 72 6f 74 6f 74 79 70 65 01', 'forbidden-key'],
  ])('%s is refused: %s', (bytes, reason) => {
    expect(reasonOf(parse('msgpack', hex(bytes)))).toBe(reason);
  });

  test('reads every type that is followed by its size', () => {
    const parser = createParser('msgpack', { ...LIMITS, bytes: 1e6 });
    for (const size of [0, 20, 40, 300, 70_000]) {
      const value = {
        text: 'x'.repeat(size),
        raw: new Uint8Array(size),
        list: Array(size).fill(1),
        map: Object.fromEntries(Array.from({ length: size }, (_, i) => [`k${i}`, i])),
      };
      expect(parser(encodeMsgpack(value))).toEqual(value);
    }
  });
});

describe('cbor', () => {
  test.each<[string, unknown]>([
    ['a1 61 61 01', { a: 1 }],
    ['a1 61 61 1b 00 20 00 00 00 00 00 01', { a: 9_007_199_254_740_993n }],
    ['a1 61 61 f9 7e 00', { a: Number.NaN }],
    ['a1 61 61 f7', { a: null }],
    ['a1 61 61 42 01 02', { a: Uint8Array.of(1, 2) }],
    ['bf 61 61 9f 01 02 ff ff', { a: [1, 2] }],
    ['a1 61 61 c1 1a 65 53 f1 00', { a: 1_700_000_000 }],
    ['a1 61 61 c0 61 78', { a: 'x' }],
    ['a1 61 61 69 5f 5f 70 72 6f 74 6f 5f 5f', { a: '__proto__' }],
    ['a2 61 61 01 61 61 02', { a: 2 }],
  ])('%s is read', (bytes, expected) => {
    expect(parse('cbor', hex(bytes))).toEqual(expected);
  });

  test.each([
    ['', 'malformed'],
    ['ff', 'malformed'],
    ['1c', 'malformed'],
    ['a1 61 61', 'malformed'],
    ['a1 61 61 01 00', 'malformed'],
    ['9b ff ff ff ff ff ff ff ff', 'malformed'],
    ['bf 61 61 ff', 'malformed'],
    ['9f 01', 'malformed'],
    ['81 ff', 'malformed'],
    ['7f 61 61 ff', 'malformed'],
    ['a1 01 02', 'malformed'],
    ['a1 61 61 d8 20 61 78', 'malformed'],
    ['81 81 81 81 81 01', 'too-deep'],
    ['81 '.repeat(900), 'too-deep'],
    ['c1 '.repeat(900), 'too-deep'],
    ['a1 61 61 61 ff', 'invalid-utf8'],
    ['a1 69 5f 5f 70 72 6f 74 6f 5f 5f 01', 'forbidden-key'],
    ['a1 6b 63 6f 6e 73 74 72 75 63 74 6f 72 a1 69 70 72 6f 74 6f 74 79 70 65 01', 'forbidden-key'],
  ])('%s is refused: %s', (bytes, reason) => {
    expect(reasonOf(parse('cbor', hex(bytes)))).toBe(reason);
  });

  test('reads every width of size', () => {
    const parser = createParser('cbor', { ...LIMITS, bytes: 1e6 });
    for (const size of [0, 20, 40, 300, 70_000]) {
      const value = { list: Array(size).fill(1), raw: new Uint8Array(size), text: 'x'.repeat(size) };
      expect(parser(encodeCbor(value))).toEqual(value);
    }
  });
});

describe('a text that is read with all digits', () => {
  const keys = fc.constantFrom('a', 'b', '__proto__', 'constructor', '', '\ud800');
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(
        fc.constantFrom('null', 'true', '-0', '1.5e-7', '1e400'),
        fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
      ),
      fc.array(tie('any')).map((each) => `[${each.join(' ,\n')}]`),
      fc
        .array(fc.tuple(keys, tie('any')))
        .map((each) => `{${each.map(([key, text]) => `${JSON.stringify(key)}\t: ${text}`).join()}}`),
    ),
  })).any as fc.Arbitrary<string>;

  test('is otherwise the same as from JSON.parse', () => {
    fc.assert(
      fc.property(value, (text) => {
        expect(parseExactly(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test('keeps the digits of integers, and the last value of a duplicate key', () => {
    const text = '[9007199254740993,-123456789012345678901,9007199254740992,{"a":1,"a":9007199254740995}]';
    expect(parseExactly(text)).toEqual([9007199254740993n, -123456789012345678901n, 2 ** 53, { a: 9007199254740995n }]);
  });
});
