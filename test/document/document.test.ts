import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument } from '../../engine/document/document.ts';
import { MAX_DEPTH } from '../../engine/document/syntax.ts';

const text = `{
  "name": "hot",
  "conditions": { "all": [ { "fact": "°" }, 7 ] }
}`;

describe('a position', () => {
  const document = parseDocument('a.json', text);

  it.each([
    ['the root', [], 'value', 1, 1],
    ['a key', ['name'], 'key', 2, 3],
    ['its value', ['name'], 'value', 2, 11],
    ['something deep', ['conditions', 'all', 0, 'fact'], 'value', 3, 38],
    ['an element', ['conditions', 'all', 1], 'value', 3, 45],
    ['a missing key, by its parent', ['conditions', 'any'], 'key', 3, 3],
    ['a missing element, by its list', ['conditions', 'all', 9, 'fact'], 'value', 3, 26],
    ['a key inside a text', ['name', 'x'], 'value', 2, 11],
    ['nothing of all this', ['x', 'y'], 'value', 1, 1],
  ] as const)('of %s', (_name, path, which, line, column) => {
    expect(document.at(path, which)).toEqual({ line, column });
  });

  it('counts past a byte order mark and Windows line ends', () => {
    const windows = parseDocument('a.json', `\uFEFF${text.replaceAll('\n', '\r\n')}`);
    expect(windows.at(['conditions', 'all', 1], 'value')).toEqual({ line: 3, column: 45 });
    expect(windows.problems).toEqual([]);
  });
});

describe('a document', () => {
  it('reads what JSON.parse reads', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (json) => {
        fc.pre(!json.includes('__proto__'));
        const { value, problems, broken } = parseDocument('a.json', json);
        expect({ value, problems, broken }).toEqual({ value: JSON.parse(json), problems: [], broken: false });
      }),
    );
  });

  it('has a problem whenever JSON.parse throws, and never throws itself', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.nat({ max: 5 }),
        fc.string({ maxLength: 2, unit: fc.constantFrom(...'{}[]",:\\01eE-./*tfn \n') }),
        (at, length, insert) => {
          const damaged = text.slice(0, at % text.length) + insert + text.slice((at % text.length) + length);
          const { problems } = parseDocument('a.json', damaged);
          if (!isJson(damaged)) expect(problems).not.toEqual([]);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('is refused if it is nested too deep; brackets side by side or in texts do not count', () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(parseDocument('a.json', deep(MAX_DEPTH)).problems).toEqual([]);
    expect(parseDocument('a.json', deep(MAX_DEPTH + 1)).problems).toMatchObject([{ code: 'too-deep' }]);
    expect(parseDocument('a.json', deep(1_000_000))).toMatchObject({ value: undefined, broken: true });
    expect(parseDocument('a.json', `[${'[],'.repeat(500)}"${'['.repeat(500)}"]`).problems).toEqual([]);
  });

  it('is read further after a fault that does not hide the rest', () => {
    const { value, broken, problems } = parseDocument('a.json', '{ // hot\n "a": 1\n "b": [2,\n ],\n "b": 3, }');
    expect(value).toEqual({ a: 1, b: [2] });
    expect(broken).toBe(false);
    expect(problems.map(({ code, line }) => `${line} ${code}`)).toEqual([
      '1 syntax',
      '3 syntax',
      '3 syntax',
      '5 duplicate-key',
      '5 syntax',
    ]);
  });

  it('allows comments only if the options say so', () => {
    expect(parseDocument('a.json', '/* a */ {} // b', { comments: true }).problems).toEqual([]);
    expect(parseDocument('a.json', '/* a */ {} // b').problems).toHaveLength(2);
  });

  it('has own keys only', () => {
    const { value, problems } = parseDocument('a.json', '{ "__proto__": { "polluted": true }, "constructor": 1 }');
    expect(problems).toMatchObject([{ code: 'forbidden-key' }]);
    expect(Object.keys(value as object)).toEqual(['constructor']);
    expect((value as Record<string, unknown>).polluted).toBeUndefined();
  });
});

function isJson(candidate: string): boolean {
  try {
    JSON.parse(candidate);
    return true;
  } catch {
    return false;
  }
}
