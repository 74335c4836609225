import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  alertSubject,
  DEADLETTERS_SUBJECT,
  deviceSubject,
  factsSubject,
  kvToken,
  MAX_TOKEN_CHARS,
  parseKvToken,
  subjectToken,
} from '../../engine/delivery/subjects.ts';

/** Any string of JavaScript, often with lone surrogates and characters that NATS reserves. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('.', '*', '>', '~', '=', ' ', '\r', '\n', '\0', 'a', '7', '/', 'é') }),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: 'binary', minLength: 150, maxLength: 400 }),
);

describe('a subject token', () => {
  test.each([
    ['press-07_B', 'press-07_B'],
    ['', '~'],
    ['~', '~7E'],
    ['a.b', 'a~2Eb'],
    ['*', '~2A'],
    ['>', '~3E'],
    ['a b\r\n', 'a~20b~0D~0A'],
    ['halle/é', 'halle~2F~C3~A9'],
    ['°C €', '~C2~B0C~20~E2~82~AC'],
    ['🚀', '~F0~9F~9A~80'],
    ['\u0000', '~00'],
    ['\ud800', '~ED~A0~80'],
  ])('of %j is %s', (text, token) => {
    expect(subjectToken(text)).toBe(token);
  });

  test('percent-decodes to the text, which proves that it is injective', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (text) => {
        const token = subjectToken(text);
        fc.pre(token.length < MAX_TOKEN_CHARS);
        expect(text === '' ? '' : decodeURIComponent(token.replaceAll('~', '%'))).toBe(token === '~' ? '' : text);
      }),
    );
  });

  test('differs for different texts', () => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        fc.pre(a !== b);
        expect(subjectToken(a)).not.toBe(subjectToken(b));
        expect(kvToken(a)).not.toBe(kvToken(b));
      }),
      { numRuns: 500 },
    );
  });

  test('is one token of safe characters, never longer than the limit', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(subjectToken(text)).toMatch(/^[A-Za-z0-9_~-]{1,200}$/);
        expect(kvToken(text)).toMatch(/^[A-Za-z0-9_=-]{1,200}$/);
      }),
      { numRuns: 500 },
    );
  });

  test('of a text that is too long ends in the hash of the whole token', () => {
    const long = 'x'.repeat(10_000);
    const token = subjectToken(long);
    expect(token).toMatch(/^x{166}~~[0-9a-f]{32}$/);
    expect(subjectToken(`${long}x`)).not.toBe(token);
    expect(subjectToken(long.slice(0, 200))).toBe(long.slice(0, 200));
  });

  test.each([0, 1, 2, 3])('is never cut inside an escape (%i)', (shift) => {
    const token = subjectToken('x'.repeat(shift) + '.'.repeat(100));
    expect(token).toMatch(/^x*(~2E)+~~[0-9a-f]{32}$/);
    expect(token.length).toBeLessThanOrEqual(MAX_TOKEN_CHARS);
  });
});

describe('a subject', () => {
  test('names severity, rule and key', () => {
    expect(alertSubject('critical', 'overheating', 'press-1')).toBe('weir.alerts.critical.overheating.press-1');
    expect(deviceSubject(true, 'press-1')).toBe('weir.devices.online.press-1');
    expect(deviceSubject(false, 'press.1')).toBe('weir.devices.offline.press~2E1');
    expect(factsSubject('hourly', '')).toBe('weir.facts.hourly.~');
    expect(DEADLETTERS_SUBJECT).toBe('weir.deadletters');
  });

  test('always has the same prefix and number of tokens, whatever the names are', () => {
    fc.assert(
      fc.property(anyText, anyText, (rule, key) => {
        const alert = alertSubject('info', rule, key);
        expect(alert.startsWith('weir.alerts.info.')).toBe(true);
        expect(alert.split('.')).toHaveLength(5);
        expect(deviceSubject(false, key).split('.').slice(0, 3)).toEqual(['weir', 'devices', 'offline']);
        expect(deviceSubject(false, key).split('.')).toHaveLength(4);
        expect(factsSubject(rule, key).split('.')).toHaveLength(4);
        expect(alert.length).toBeLessThan(512);
      }),
    );
  });
});

describe('the text of a KV token', () => {
  test('is the original text, if the token was not cut', () => {
    const units = [
      fc.string({ unit: 'grapheme', maxLength: 30 }),
      fc.string({ unit: fc.constantFrom('.', '=', '~', 'A', '2', 'é') }),
    ];
    fc.assert(
      fc.property(fc.oneof(...units), (text) => {
        fc.pre(kvToken(text).length < MAX_TOKEN_CHARS);
        expect(parseKvToken(kvToken(text))).toBe(text);
      }),
    );
  });

  test.each(['a.b', 'a b', '=2e', '=41', '=4', '=ED=A0=80', '~2E', '', 'é', kvToken('x.'.repeat(200))])(
    'is none where the token is %j, which no text makes or which is a hash',
    (token) => expect(parseKvToken(token)).toBeUndefined(),
  );
});
