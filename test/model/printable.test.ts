import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../../engine/document/problem.ts';
import { jsonLine, printable, printableLines } from '../../engine/model/printable.ts';

/** Characters that control a terminal, break a line, reverse text or hide it. */
const BAD: readonly [string, number, number][] = [
  ['C0', 0x00, 0x1f],
  ['DEL and C1', 0x7f, 0x9f],
  ['soft hyphen', 0xad, 0xad],
  ['Arabic letter mark', 0x61c, 0x61c],
  ['zero width space', 0x200b, 0x200b],
  ['marks of direction', 0x200e, 0x200f],
  ['separators of lines and paragraphs', 0x2028, 0x2029],
  ['embeddings and overrides', 0x202a, 0x202e],
  ['isolates', 0x2066, 0x2069],
  ['halves of surrogate pairs', 0xd800, 0xdfff],
  ['byte order mark', 0xfeff, 0xfeff],
];

describe('printable', () => {
  test.each(BAD)('escapes %s', (_name, from, to) => {
    for (let code = from; code <= to; code++) {
      const shown = `\\u${code.toString(16).padStart(4, '0')}`;
      expect(printable(`a${String.fromCharCode(code)}b`)).toBe(`a${shown}b`);
    }
  });

  test('escapes a character of two UTF-16 units as two escapes', () => {
    expect(printable('a\u{e0001}b')).toBe('a\\udb40\\udc01b');
  });

  test.each(['Größe 21 °C', '温度', 'مقدار', '\u{1f469}\u200d\u{1f527}', 'می\u200cخواهم', 'a\\u202e "b"'])(
    'leaves %s',
    (text) => {
      expect(printable(text)).toBe(text);
    },
  );

  test('keeps the characters that the caller names', () => {
    expect(printableLines('a\tb\nc\rd')).toBe('a\tb\nc\\u000dd');
  });

  test('of JSON is the same JSON', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(jsonLine({ [text]: text }))).toEqual(JSON.parse(JSON.stringify({ [text]: text })));
      }),
    );
  });

  test('does not change a text that is already printable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(printable(text))).toBe(printable(text));
      }),
    );
  });
});

test('a problem is two lines, whatever it quotes', () => {
  const place = { code: 'x', severity: 'error', file: 'a\u001bb', line: 1, column: 2 } as const;
  const text = formatProblem({ ...place, message: 'Key `\u009b\n\u202e`.', remedy: 'Not\u2028so.' });
  expect(text).toBe('a\\u001bb:1:2: error: Key `\\u009b\\u000a\\u202e`. [x]\n    Not\\u2028so.');
});
