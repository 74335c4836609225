import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConditionContext, compileCondition } from '../../engine/language/conditions/conditions.ts';
import { compilePattern } from '../../engine/language/conditions/patterns.ts';
import type { FieldType, FieldValue } from '../../engine/model/field.ts';
import type { TopCondition } from '../../engine/model/rule.ts';

type Facts = Readonly<Record<string, FieldValue | undefined>>;

const TYPES: Readonly<Record<string, FieldType>> = { temp: 'number', mode: 'string', open: 'boolean' };
const LISTS = {
  critical: ['press-1', 'press-2', 7, true],
  empty: [],
  long: Array.from({ length: 5_000 }, (_, i) => `device-${i}`),
};
const untyped: ConditionContext<Facts> = {
  resolve: (fact) => (Object.hasOwn(TYPES, fact) ? (env) => env[fact] : undefined),
  lists: LISTS,
  missing: 'undefined',
};
const typed: ConditionContext<Facts> = { ...untyped, typeOf: (fact) => TYPES[fact] };

const compile = (operator: string, value: unknown, fact = 'temp', context = untyped) =>
  compileCondition({ all: [{ fact, operator, value }] } as TopCondition, context);
const holds = (operator: string, value: unknown, temp: FieldValue | undefined) => {
  const { compiled, problems } = compile(operator, value);
  if (compiled === undefined) throw new Error(JSON.stringify(problems));
  return compiled.holds({ temp });
};

describe("operators beside the library's", () => {
  it.each<[fact: FieldValue | undefined, operator: string, value: unknown, holds: boolean]>([
    [18, 'between', [18, 25], true],
    [25, 'between', [18, 25], true],
    [25.1, 'between', [18, 25], false],
    [17.9, 'between', [18, 25], false],
    [-0, 'between', [0, 0], true],
    ['20', 'between', [18, 25], false],
    [true, 'between', [0, 1], false],
    [undefined, 'between', [-1, 1], false],
    [undefined, 'not:between', [-1, 1], true],
    [
      20,
      'someValue:between',
      [
        [1, 2],
        [19, 21],
      ],
      true,
    ],
    [
      20,
      'everyValue:between',
      [
        [1, 2],
        [19, 21],
      ],
      false,
    ],
    ['press-1', 'startsWith', 'press', true],
    ['press-1', 'startsWith', 'Press', false],
    ['press-1', 'startsWith', '', true],
    [undefined, 'startsWith', '', false],
    [12, 'startsWith', '1', false],
    ['press-1', 'someValue:startsWith', ['lathe', 'press'], true],
    ['press-1', 'not:someValue:startsWith', ['lathe', 'press'], false],
    ['press', 'swap:startsWith', 'press-1', true],
    ['lathe', 'swap:startsWith', 'press-1', false],
    ['press-1', 'endsWith', '-1', true],
    ['press-1', 'endsWith', 'press', false],
    [1, 'endsWith', '1', false],
    // A pattern matches anywhere in the text, unless it has anchors.
    ['press-1', 'matches', 'ess', true],
    ['press-1', 'matches', '^ess', false],
    ['press-1', 'matches', '^press-\\d+$', true],
    ['press-1\n', 'matches', '^press-\\d+$', false],
    ['PRESS', 'matches', 'press', false],
    ['PRESS', 'matches', '(?i)press', true],
    ['größe', 'matches', '^\\p{L}+$', true],
    ['a\u{1f600}b', 'matches', '^a.b$', true],
    ['', 'matches', '', true],
    [5, 'matches', '5', false],
    [undefined, 'matches', '', false],
    [undefined, 'not:matches', '', true],
    ['press-1', 'someValue:matches', ['^lathe', '^press'], true],
    ['press-1', 'everyValue:matches', ['1$', '^press'], true],
    ['press-1', 'someFact:matches', 'press', false],
    ['press-1', 'inList', 'critical', true],
    ['press-3', 'inList', 'critical', false],
    [7, 'inList', 'critical', true],
    ['7', 'inList', 'critical', false],
    [true, 'inList', 'critical', true],
    [undefined, 'inList', 'critical', false],
    [undefined, 'notInList', 'critical', true],
    ['press-1', 'notInList', 'critical', false],
    ['press-1', 'not:inList', 'critical', false],
    ['device-4999', 'someValue:inList', ['critical', 'long'], true],
    ['x', 'inList', 'empty', false],
    ['x', 'notInList', 'empty', true],
  ])('%j %s %j: %s', (fact, operator, value, expected) => {
    expect(holds(operator, value, fact)).toBe(expected);
  });

  it('between, startsWith and endsWith give the same results as in JavaScript', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\u{1f600}'), maxLength: 5 });
    const fact = fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -5, max: 5 }), text, fc.boolean());
    const bound = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: -5, max: 5 }));
    fc.assert(
      fc.property(fact, bound, bound, text, (fact, low, high, part) => {
        expect(holds('between', [low, high], fact)).toBe(typeof fact === 'number' && low <= fact && fact <= high);
        expect(holds('startsWith', part, fact)).toBe(typeof fact === 'string' && fact.slice(0, part.length) === part);
        const tail = typeof fact === 'string' && fact.slice(Math.max(0, fact.length - part.length));
        expect(holds('endsWith', part, fact)).toBe(tail === part);
        expect(holds('not:endsWith', part, fact)).toBe(tail !== part);
      }),
      { numRuns: 2_000 },
    );
  });

  it('matches gives the same results as in JavaScript, for syntax that both have', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', '(?:ab|b)', '(a|)', '\\bb', '^', '$');
    const repeated = fc.tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '*?', '{1,3}'));
    const isSimple = ([atom, times]: readonly [string, string]) => times === '' || !/^[\^$]|^\\b/.test(atom);
    const pattern = fc.array(repeated.filter(isSimple), { maxLength: 5 }).map((parts) => parts.flat().join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '1', ' '), maxLength: 8 });
    let matched = 0;
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 5, maxLength: 5 }), (pattern, texts) => {
        for (const each of texts) {
          const expected = new RegExp(pattern, 'u').test(each);
          matched += Number(expected);
          expect({ pattern, each, holds: holds('matches', pattern, each) }).toEqual({ pattern, each, holds: expected });
        }
      }),
      { numRuns: 500 },
    );
    expect(matched).toBeGreaterThan(200);
  });

  it('no pattern takes long: one that would block Node is evaluated', () => {
    const dear = `${'a'.repeat(100_000)}!`;
    for (const pattern of ['^(a+)+$', '(a*)*b', '^(a|aa)+$', '(.*)(.*)(.*)x', '(a?){100}(a){100}b']) {
      expect(holds('matches', pattern, dear)).toBe(false);
    }
    expect(holds('matches', '^(a+)+!$', dear)).toBe(true);
  });

  it('explain shows the value as written in the rule', () => {
    const { compiled } = compileCondition(
      {
        all: [
          { fact: 'mode', operator: 'matches', value: '^pre' },
          { fact: 'mode', operator: 'inList', value: 'critical' },
          { fact: 'temp', operator: 'between', value: [1, 2] },
        ],
      },
      typed,
    );
    expect(compiled?.explain({ mode: 'press-1', temp: 3 })).toEqual([
      { fact: 'mode', operator: 'matches', value: '^pre', factValue: 'press-1', result: true },
      { fact: 'mode', operator: 'inList', value: 'critical', factValue: 'press-1', result: true },
      { fact: 'temp', operator: 'between', value: [1, 2], factValue: 3, result: false },
    ]);
  });
});

describe('a faulty operand', () => {
  const repeated = (times: number) => `(a{${times}}){${times}}`;
  it.each<[operator: string, value: unknown, code: string, reported: RegExp]>([
    ['between', 5, 'invalid-value', /not a pair of numbers\. Write the lower and the upper bound, like \[18, 25\]/],
    ['between', [1], 'invalid-value', /not a pair/],
    ['between', ['1', '2'], 'invalid-value', /not a pair/],
    ['between', { fact: 'temp' }, 'invalid-value', /is another fact, but it must be written in the rule/],
    ['someValue:between', [1, 2], 'invalid-value', /not a pair/],
    ['swap:between', [1, 2], 'invalid-value', /Remove "swap:"/],
    ['startsWith', 5, 'invalid-value', /not a text/],
    ['someValue:startsWith', 'a', 'invalid-value', /Write a list/],
    ['matches', 5, 'invalid-value', /not a pattern/],
    ['matches', { fact: 'mode' }, 'invalid-value', /another fact/],
    ['matches', '(a)\\1', 'bad-pattern', /RE2 does not support \\1, a backreference/],
    ['matches', '(?<x>a)\\k<x>', 'bad-pattern', /RE2 does not support \\k, a backreference/],
    ['matches', 'a(?=b)', 'bad-pattern', /RE2 does not support \(\?=…\), a lookahead or lookbehind/],
    ['matches', 'a(?!b)', 'bad-pattern', /\(\?!…\)/],
    ['matches', '(?<=a)b', 'bad-pattern', /\(\?<=…\)/],
    ['matches', '(?<!a)b', 'bad-pattern', /\(\?<!…\)/],
    ['matches', '(?>a)', 'bad-pattern', /turns off backtracking.*Write \(\?:…\)/],
    ['matches', 'a++', 'bad-pattern', /turns off backtracking.*second \+/],
    ['matches', '[a', 'bad-pattern', /The pattern is not valid: missing closing \], at \[a\./],
    ['matches', 'a**', 'bad-pattern', /The pattern is not valid/],
    ['matches', 'a'.repeat(513), 'bad-pattern', /513 characters; the maximum is 512/],
    [
      'matches',
      '(?:[a-z]{25}){40}',
      'bad-pattern',
      /steps because of its repeat counts; the maximum is 1000.*smaller numbers/,
    ],
    ['matches', repeated(1_000), 'bad-pattern', /repeat/],
    ['everyValue:matches', ['a', '('], 'bad-pattern', /missing closing \)/],
    ['inList', 'criticl', 'unknown-list', /There is no list "criticl"\. Did you mean "critical"\?/],
    ['inList', 'toString', 'unknown-list', /no list "toString"\. Define the list in conditions\.json/],
    ['notInList', ['a', 'b'], 'invalid-value', /not the name of a list\..*For a list in the rule itself/],
    ['changed', true, 'no-previous', /cannot be used here/],
  ])('%s %j: %s', (operator, value, code, reported) => {
    const { compiled, problems } = compile(operator, value, 'mode', typed);
    expect(compiled).toBeUndefined();
    expect(problems).toMatchObject([{ code, severity: 'error' }]);
    expect(problems[0]!.path.slice(0, 2)).toEqual(['all', 0]);
    expect(`${problems[0]!.message} ${problems[0]!.remedy}`).toMatch(reported);
  });

  it.each<[operator: string, value: unknown, fact: string, codes: readonly string[]]>([
    ['between', [1, 5], 'temp', []],
    ['between', [5, 1], 'temp', ['never-holds']],
    ['between', [1, 5], 'mode', ['never-holds']],
    ['not:between', [5, 1], 'temp', ['always-holds']],
    [
      'everyValue:between',
      [
        [1, 5],
        [4, 9],
      ],
      'temp',
      [],
    ],
    [
      'everyValue:between',
      [
        [1, 3],
        [4, 9],
      ],
      'temp',
      ['never-holds'],
    ],
    ['startsWith', 'a', 'mode', []],
    ['startsWith', 'a', 'temp', ['never-holds']],
    ['startsWith', { fact: 'mode' }, 'mode', []],
    ['everyValue:startsWith', ['a', 'ab'], 'mode', []],
    ['everyValue:startsWith', ['a', 'b'], 'mode', ['never-holds']],
    ['matches', 'q{7}', 'mode', []],
    ['not:matches', 'q{7}', 'mode', []],
    ['matches', '1', 'temp', ['never-holds']],
    ['inList', 'critical', 'mode', []],
    ['inList', 'critical', 'temp', []],
    ['inList', 'long', 'mode', []],
    ['inList', 'long', 'temp', []],
    ['inList', 'empty', 'mode', ['never-holds']],
    ['notInList', 'empty', 'mode', ['always-holds']],
  ])('%s %j of %s: %j', (operator, value, fact, codes) => {
    const { compiled, problems } = compile(operator, value, fact, typed);
    expect(compiled).toBeDefined();
    expect(problems.map(({ code }) => code)).toEqual(codes);
  });

  it.each([
    ['matchs', 'matches'],
    ['regex', 'matches'],
    ['beginsWith', 'startsWith'],
    ['betwen', 'between'],
    ['inlist', 'inList'],
  ])('%s: suggests %s', (operator, meant) => {
    expect(compile(operator, 'a').problems).toMatchObject([{ remedy: `Did you mean "${meant}"?` }]);
  });

  it('any text is a pattern or a fault, never an exception', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '?',
      '*',
      '+',
      '\\',
      '^',
      '-',
      '|',
      '1',
      ',',
      'p',
      '<',
      ':',
    );
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 20 }).map((all) => all.join('')),
    );
    const outcomes = { pattern: 0, fault: 0 };
    fc.assert(
      fc.property(anything, (source) => {
        const pattern = compilePattern(source);
        if ('message' in pattern) {
          outcomes.fault += 1;
          expect([pattern.message, pattern.remedy]).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
        } else {
          outcomes.pattern += 1;
          // A pattern matches anywhere, so text around a match has no effect.
          if (!/[\^$\\]/.test(source) && pattern.test(source)) expect(pattern.test(`-${source}-`)).toBe(true);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(outcomes.pattern, outcomes.fault)).toBeGreaterThan(500);
  });
});
