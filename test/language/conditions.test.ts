import { describe, expect, it } from 'vitest';
import { type ConditionContext, compileCondition } from '../../engine/language/conditions/conditions.ts';
import type { FieldType, FieldValue } from '../../engine/model/field.ts';
import type { TopCondition } from '../../engine/model/rule.ts';
import { askLibrary, type Facts } from './library.ts';

const NAMES = ['temp', 'limit', 'mode', 'open'];
const TYPES: Readonly<Record<string, FieldType>> = { temp: 'number', limit: 'number', mode: 'string', open: 'boolean' };

const untyped: ConditionContext<Facts> = {
  resolve: (fact) => (NAMES.includes(fact) ? (env) => env[fact] : undefined),
  names: NAMES,
  missing: 'undefined',
};
const typed: ConditionContext<Facts> = { ...untyped, typeOf: (fact) => TYPES[fact] };

const compile = (condition: unknown, context = untyped) => compileCondition(condition as TopCondition, context);
const leaf = (operator: string, value: unknown, fact = 'temp') => ({ all: [{ fact, operator, value }] });
const codes = (condition: unknown, context = untyped) => compile(condition, context).problems.map(({ code }) => code);

describe('surprising comparisons, as in json-rules-engine', () => {
  it.each<[fact: FieldValue | undefined, operator: string, value: unknown, holds: boolean]>([
    // A text that begins like a number is accepted as one; the comparison then uses the whole text.
    ['0', 'lessThan', 1, true],
    ['12abc', 'lessThan', 13, false],
    ['12abc', 'lessThan', '13', true],
    ['9', 'greaterThan', '45', true],
    [9, 'greaterThan', '45', false],
    ['0x10', 'greaterThan', 15, true],
    ['', 'lessThan', 1, false],
    [' 5 ', 'lessThan', 6, true],
    [5, 'greaterThan', 'abc', false],
    // On the left, booleans and missing facts are not numbers. On the right, true, null and lists are converted to numbers.
    [true, 'greaterThan', 0, false],
    [undefined, 'lessThan', 1, false],
    [2, 'greaterThan', true, true],
    [1, 'greaterThan', null, true],
    [5, 'lessThan', [10], true],
    [Number.NaN, 'lessThanInclusive', Number.NaN, false],
    // Equality never converts.
    [5, 'equal', '5', false],
    [-0, 'equal', 0, true],
    [undefined, 'equal', null, false],
    [undefined, 'notEqual', 5, true],
    // `in` with a text looks for a part of it; a missing fact is the text "undefined" there.
    ['ell', 'in', 'hello', true],
    [1, 'in', 'a1b', true],
    [undefined, 'in', 'is undefined', true],
    [undefined, 'notIn', [1], true],
    // A fact is never a list, so both never hold, and their negations always hold.
    ['abc', 'contains', 'a', false],
    ['abc', 'doesNotContain', 'z', false],
    ['abc', 'not:contains', 'a', true],
    [5, 'someFact:equal', 5, false],
    [5, 'everyFact:equal', 5, false],
    [5, 'swap:contains', [4, 5], true],
    // With a missing fact, `not` before an operator differs from the opposite operator.
    [undefined, 'not:lessThan', 5, true],
    [undefined, 'greaterThanInclusive', 5, false],
    [5, 'everyValue:greaterThan', [1, 2], true],
    [5, 'everyValue:equal', [], true],
    [5, 'someValue:equal', [], false],
    [5, 'not:someValue:equal', [4, 5], false],
    [5, 'someValue:not:equal', [4, 5], true],
    [5, 'swap:lessThan', 3, true],
    [5, 'swap:someFact:lessThan', [7, 3], true],
  ])('%j %s %j: %s', async (fact, operator, value, holds) => {
    const condition = leaf(operator, value);
    expect(await askLibrary([condition], {}, { temp: fact })).toMatchObject([{ result: holds }]);
    expect(compile(condition).compiled?.holds({ temp: fact })).toBe(holds);
  });

  it('long lists give the same results as short ones, also for NaN', () => {
    const list = [...Array(20).keys(), 'x', Number.NaN];
    const test = (operator: string, temp: FieldValue | undefined) =>
      compile(leaf(operator, list)).compiled?.holds({ temp });
    expect([3, -0, 'x', '3', 20, Number.NaN, undefined].map((fact) => test('in', fact))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect([3, '3', Number.NaN, undefined].map((fact) => test('notIn', fact))).toEqual([false, true, true, true]);
  });

  it('an empty group always holds, so its negation never holds', () => {
    const result = (condition: unknown) => compile(condition).compiled?.holds({});
    expect([{ all: [] }, { any: [] }, { not: { any: [] } }].map(result)).toEqual([true, true, false]);
  });

  it('groups of every size give the right result', () => {
    const set = (size: number, on: number) => Array.from({ length: size }, (_, i) => leaf('equal', i === on ? 1 : 0));
    for (let size = 1; size <= 6; size++) {
      for (let on = 0; on < size; on++) {
        expect(compile({ any: set(size, on) }).compiled?.holds({ temp: 1 })).toBe(true);
        expect(compile({ all: set(size, on) }).compiled?.holds({ temp: 0 })).toBe(false);
      }
      expect(compile({ any: set(size, -1) }).compiled?.holds({ temp: 1 })).toBe(false);
      expect(compile({ all: set(size, -1) }).compiled?.holds({ temp: 0 })).toBe(true);
    }
  });
});

describe('explain', () => {
  const { compiled } = compile({
    any: [
      { fact: 'temp', operator: 'greaterThan', value: { fact: 'limit' } },
      { not: { all: [{ fact: 'mode', operator: 'in', value: ['a', 'b'] }] } },
      { fact: 'open', operator: 'equal', value: true },
    ],
  });

  it('evaluates every comparison, in order, also after the one that decides', () => {
    expect(compiled?.explain({ temp: 50, limit: 45, mode: 'a' })).toEqual([
      { fact: 'temp', operator: 'greaterThan', value: 45, factValue: 50, result: true },
      { fact: 'mode', operator: 'in', value: ['a', 'b'], factValue: 'a', result: true },
      { fact: 'open', operator: 'equal', value: true, factValue: null, result: false },
    ]);
    expect(compiled?.explain({})[0]).toMatchObject({ value: null, factValue: null, result: false });
  });

  it('has the facts on both sides', () => {
    expect([...(compiled?.facts ?? [])]).toEqual(['temp', 'limit', 'mode', 'open']);
  });

  it('evaluates no more comparisons than needed in `holds`', () => {
    const asked: string[] = [];
    const spying: ConditionContext<Facts> = {
      resolve: (fact) => (env) => {
        asked.push(fact);
        return env[fact];
      },
    };
    const parts = ['temp', 'limit', 'mode', 'open'].map((fact) => ({ fact, operator: 'equal', value: 1 }));
    compile({ all: parts }, spying).compiled?.holds({ temp: 1, limit: 0 });
    compile({ any: parts }, spying).compiled?.holds({ temp: 1, limit: 0 });
    expect(asked).toEqual(['temp', 'limit', 'temp']);
  });
});

describe('shared conditions', () => {
  const hot = leaf('greaterThan', 40);
  const use = (name: string, shared: Record<string, unknown>) =>
    compile({ all: [{ condition: name }] }, { ...untyped, shared: shared as Record<string, TopCondition> });

  it('are evaluated at each reference, at the top too', () => {
    const shared = { hot, calm: { not: { condition: 'hot' } } } as unknown as Record<string, TopCondition>;
    const { compiled, problems } = compile({ condition: 'calm' }, { ...untyped, shared });
    expect(problems).toEqual([]);
    expect([30, 50].map((temp) => compiled?.holds({ temp }))).toEqual([true, false]);
  });

  it('are reported at the reference if they are missing, circular or faulty', () => {
    expect(use('hott', { hot }).problems).toMatchObject([
      { code: 'unknown-condition', path: ['all', 0, 'condition'], remedy: 'Did you mean "hot"?' },
    ]);
    expect(use('toString', { hot }).problems).toMatchObject([{ code: 'unknown-condition' }]);
    expect(use('a', { a: { any: [{ condition: 'b' }] }, b: { not: { condition: 'a' } } }).problems).toMatchObject([
      { code: 'circular-condition', message: expect.stringContaining('a → b → a') },
    ]);
    expect(use('hot', { hot: leaf('above', 40) }).problems).toMatchObject([
      { code: 'unknown-operator', path: ['all', 0, 'condition'], message: expect.stringContaining('condition "hot"') },
    ]);
  });

  it('cannot multiply the conditions without limit', () => {
    const shared: Record<string, unknown> = { c0: hot };
    for (let i = 1; i < 25; i++) shared[`c${i}`] = { all: [{ condition: `c${i - 1}` }, { condition: `c${i - 1}` }] };
    for (const [name, message] of [
      ['c14', 'more than 1000 conditions'],
      ['c24', 'more than 32 levels deep'],
    ] as const) {
      const { compiled, problems } = use(name, shared);
      expect(compiled).toBeUndefined();
      expect(problems).toMatchObject([{ code: 'too-large', message: expect.stringContaining(message) }]);
    }
  });
});

describe('errors', () => {
  const good = { fact: 'temp', operator: 'equal', value: 1 };
  it.each<[name: string, condition: unknown, expected: readonly unknown[]]>([
    ['no object', null, [{ code: 'not-a-condition', path: [] }]],
    ['an empty object', {}, [{ code: 'not-a-condition', path: [] }]],
    ['a list', { all: [[good]] }, [{ code: 'not-a-condition', path: ['all', 0] }]],
    ['not of a list', { not: [good] }, [{ code: 'not-a-condition', path: ['not'] }]],
    ['all of no list', { all: good }, [{ code: 'not-a-list', path: ['all'] }]],
    ['a bare comparison', good, [{ code: 'bare-comparison', path: [] }]],
    [
      'all and any',
      { all: [good], any: [good] },
      [{ code: 'ambiguous-condition', message: 'This condition has all and any, but only one of these is allowed.' }],
    ],
    ['all and fact', { any: [{ all: [], ...good }] }, [{ code: 'ambiguous-condition', path: ['any', 0] }]],
    ['a misspelt group', { al: [good] }, [{ code: 'not-a-condition' }]],
    [
      'a key too many',
      { all: [good], prioritty: 1 },
      [{ code: 'unknown-key', path: ['prioritty'], remedy: 'Did you mean "priority"?' }],
    ],
    [
      'a misspelt key',
      { all: [{ fact: 'temp', oprator: 'equal', value: 1 }] },
      [{ code: 'unknown-key', path: ['all', 0, 'oprator'], remedy: 'Did you mean "operator"?' }],
    ],
    [
      'missing keys',
      { all: [{ fact: 'temp' }] },
      [
        { code: 'missing-key', message: expect.stringContaining('"operator"') },
        { code: 'missing-key', message: expect.stringContaining('"value"') },
      ],
    ],
    [
      'an unknown fact',
      { all: [{ ...good, fact: 'tmep' }] },
      [{ code: 'unknown-fact', path: ['all', 0, 'fact'], remedy: 'Did you mean "temp"?' }],
    ],
    [
      'an unknown fact as value',
      { not: { ...good, value: { fact: 'limits' } } },
      [{ code: 'unknown-fact', path: ['not', 'value', 'fact'], remedy: 'Did you mean "limit"?' }],
    ],
    [
      'a fact that is no text',
      { all: [{ ...good, fact: 5 }] },
      [{ code: 'unknown-fact', remedy: 'Known names: temp, limit, mode, open.' }],
    ],
    [
      'a misspelt operator',
      leaf('greaterthan', 1),
      [{ code: 'unknown-operator', path: ['all', 0, 'operator'], remedy: 'Did you mean "greaterThan"?' }],
    ],
    [
      'a sign as operator',
      leaf('>=', 1),
      [{ code: 'unknown-operator', remedy: 'Did you mean "greaterThanInclusive"?' }],
    ],
    ['a name that every object has', leaf('constructor', 1), [{ code: 'unknown-operator' }]],
    ['an operator that is no text', { all: [{ ...good, operator: 1 }] }, [{ code: 'unknown-operator' }]],
    [
      'an unknown decorator',
      leaf('someValues:equal', [1]),
      [{ code: 'unknown-decorator', remedy: 'Did you mean "someValue"?' }],
    ],
    ['a decorator that every object has', leaf('toString:equal', 1), [{ code: 'unknown-decorator' }]],
    [
      'a decorator behind',
      leaf('equal:not', 1),
      [{ code: 'unknown-operator', remedy: expect.stringContaining('"not:equal"') }],
    ],
    ['nothing behind a decorator', leaf('not:', 1), [{ code: 'unknown-operator' }]],
    ['too many decorators', leaf(`${'not:'.repeat(9)}equal`, 1), [{ code: 'too-many-decorators' }]],
    ['in a number', leaf('in', 5), [{ code: 'unanswerable', path: ['all', 0, 'value'] }]],
    ['someValue of a text', leaf('someValue:equal', 'a'), [{ code: 'unanswerable' }]],
    ['someValue of a fact', leaf('someValue:equal', { fact: 'limit' }), [{ code: 'unanswerable' }]],
    [
      'an object as value',
      leaf('equal', { valueOf: 1, toString: 1 }),
      [{ code: 'invalid-value', path: ['all', 0, 'value'] }],
    ],
    [
      'a fact in a list',
      leaf('in', [{ fact: 'limit' }]),
      [{ code: 'invalid-value', message: 'A {"fact": …} inside a list is not supported.' }],
    ],
    [
      'a key too many in a fact',
      leaf('equal', { fact: 'limit', pathh: '$' }),
      [{ code: 'unknown-key', path: ['all', 0, 'value', 'pathh'] }],
    ],
  ])('%s', (_, condition, expected) => {
    const { compiled, problems } = compile(condition);
    expect(compiled).toBeUndefined();
    expect(problems).toMatchObject(expected);
    expect(problems).toHaveLength(expected.length);
    for (const { message, remedy } of problems) expect(`${message} ${remedy}`).toMatch(/^[A-Z"].*[.?] .*[.?]$/s);
  });

  it('are all reported at once', () => {
    const condition = { all: [{ ...good, fact: 'x' }, { ...good, operator: 'y', value: {} }, { any: [7] }] };
    expect(codes(condition)).toEqual(['unknown-fact', 'unknown-operator', 'invalid-value', 'not-a-condition']);
  });

  it('limit endless nesting, instead of exhausting the stack', () => {
    let condition: unknown = good;
    let value: unknown = 1;
    for (let i = 0; i < 100_000; i++) {
      condition = { not: condition };
      value = [value];
    }
    expect(codes(condition)).toEqual(['too-large']);
    expect(codes(leaf('in', value))).toEqual(['invalid-value']);
  });
});

describe('warnings', () => {
  it.each<[operator: string, value: unknown, fact: string, expected: readonly string[]]>([
    ['greaterThan', 45, 'temp', []],
    ['equal', 'idle', 'mode', []],
    ['equal', true, 'open', []],
    ['in', ['a', 'b'], 'mode', []],
    ['everyValue:greaterThan', [1, 2], 'temp', []],
    ['greaterThan', { fact: 'limit' }, 'temp', []],
    ['greaterThan', 'hot', 'temp', ['not-for-numbers']],
    ['greaterThan', '45', 'temp', ['numeric-text']],
    ['someValue:greaterThan', ['45', 'x'], 'temp', ['numeric-text']],
    ['greaterThan', true, 'temp', ['coerced-value']],
    ['greaterThan', null, 'temp', ['coerced-value']],
    ['greaterThan', [1, 2], 'temp', ['not-for-numbers']],
    ['equal', null, 'temp', ['never-holds']],
    ['equal', [5], 'temp', ['never-holds']],
    ['notEqual', [5], 'temp', ['always-holds']],
    ['contains', 'a', 'mode', ['never-holds']],
    ['not:contains', 'a', 'mode', ['always-holds']],
    ['someFact:equal', 5, 'temp', ['never-holds']],
    ['in', [], 'temp', ['never-holds']],
    ['in', 'abc', 'mode', ['substring']],
    ['someValue:in', ['abc'], 'mode', ['substring']],
    ['in', { fact: 'mode' }, 'temp', ['sometimes-unanswerable']],
    ['greaterThan', { fact: 'temp' }, 'temp', ['never-holds']],
  ])('%s %j of %s: %j', (operator, value, fact, expected) => {
    const { compiled, problems } = compile(leaf(operator, value, fact));
    expect(compiled).toBeDefined();
    expect(problems.map(({ code }) => code)).toEqual(expected);
    for (const { severity, path } of problems) {
      expect(severity).toBe('warning');
      expect(path.slice(0, 2)).toEqual(['all', 0]);
    }
  });

  it.each<[operator: string, value: unknown, fact: string, expected: readonly string[]]>([
    ['equal', '5', 'temp', ['never-holds']],
    ['notEqual', '5', 'temp', ['always-holds']],
    ['greaterThan', 'hot', 'temp', ['never-holds']],
    ['greaterThan', 0, 'open', ['never-holds']],
    ['greaterThan', 5, 'mode', ['numeric-text']],
    ['greaterThan', 45, 'mode', ['numeric-text']],
    ['lessThan', -45, 'mode', ['numeric-text']],
    ['equal', { fact: 'mode' }, 'temp', []],
    ['greaterThan', { fact: 'limit' }, 'temp', []],
  ])('%s %j of %s, whose type is known: %j', (operator, value, fact, expected) => {
    expect(codes(leaf(operator, value, fact), typed)).toEqual(expected);
  });

  it('are given for empty groups, and for keys without effect', () => {
    expect(codes({ all: [{ any: [] }] })).toEqual(['empty-group']);
    const condition = { all: [{ fact: 'temp', operator: 'equal', value: 1, path: '$.x', params: { a: 1 } }] };
    expect(compile(condition).problems).toMatchObject([
      { code: 'ignored-key', path: ['all', 0, 'path'] },
      { code: 'ignored-key', path: ['all', 0, 'params'] },
    ]);
  });

  it('are not given if a list is too long to be sure', () => {
    const list = Array.from({ length: 20 }, (_, i) => 100 + i);
    expect(codes(leaf('everyValue:in', [list.slice(0, 5), [200]]))).toEqual(['never-holds']);
    expect(codes(leaf('everyValue:in', [list, [119]]))).toEqual([]);
  });

  it('take little time for a long list', () => {
    const list = Array.from({ length: 100_000 }, (_, i) => `device-${i}`);
    expect(codes(leaf('in', list, 'mode'))).toEqual([]);
  });
});
