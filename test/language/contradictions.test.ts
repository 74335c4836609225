import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConditionContext, compileCondition } from '../../engine/language/conditions/conditions.ts';
import type { FieldType, FieldValue } from '../../engine/model/field.ts';
import type { LeafCondition, TopCondition } from '../../engine/model/rule.ts';

type Facts = Readonly<Record<string, FieldValue | undefined>>;

const TYPES: Readonly<Record<string, FieldType>> = { temp: 'number', mode: 'string', open: 'boolean', limit: 'number' };
const context: ConditionContext<Facts> = {
  resolve: (fact) => (env) => env[fact],
  typeOf: (fact) => TYPES[fact],
  lists: { hot: [41, 42], modes: ['a', 'b'] },
  missing: 'undefined',
};

type Short = readonly [fact: string, operator: string, value: unknown];
const leaves = (shorts: readonly Short[]): LeafCondition[] =>
  shorts.map(([fact, operator, value]) => ({ fact, operator, value }));
const problemsOf = (condition: unknown, of = context) => compileCondition(condition as TopCondition, of).problems;

describe('conditions in one group', () => {
  it.each<[shorts: readonly Short[], at: number, expected: string]>([
    [
      [
        ['temp', 'greaterThan', 5],
        ['temp', 'lessThan', 3],
      ],
      1,
      'For "temp", "lessThan" 3 and "greaterThan" 5 never hold together.',
    ],
    [
      [
        ['temp', 'greaterThan', 5],
        ['temp', 'lessThan', 5],
      ],
      1,
      '"lessThan" 5 and',
    ],
    [
      [
        ['temp', 'greaterThan', 5],
        ['temp', 'lessThanInclusive', 5],
      ],
      1,
      '"lessThanInclusive" 5 and',
    ],
    [
      [
        ['temp', 'equal', 1],
        ['mode', 'equal', 'a'],
        ['temp', 'equal', 2],
      ],
      2,
      '"equal" 2 and "equal" 1 never hold together.',
    ],
    [
      [
        ['temp', 'equal', 1],
        ['temp', 'notEqual', 1],
      ],
      1,
      ' and "equal" 1 never hold together.',
    ],
    [
      [
        ['temp', 'between', [1, 3]],
        ['temp', 'greaterThan', 3],
      ],
      1,
      ' and "between" [1,3] never hold together.',
    ],
    [
      [
        ['temp', 'between', [1, 3]],
        ['temp', 'between', [4, 5]],
      ],
      1,
      '"between" [4,5] and',
    ],
    [
      [
        ['temp', 'in', [1, 2]],
        ['temp', 'inList', 'hot'],
      ],
      1,
      '"inList" "hot" and "in" [1,2] never hold together.',
    ],
    [
      [
        ['temp', 'not:greaterThan', 5],
        ['temp', 'greaterThan', 5],
      ],
      1,
      ' and "not:greaterThan" 5 never hold together.',
    ],
    [
      [
        ['temp', 'greaterThan', 1],
        ['temp', 'lessThan', 9],
        ['temp', 'notIn', []],
        ['temp', 'equal', 9],
      ],
      3,
      ' and "lessThan" 9 never hold together.',
    ],
    [
      [
        ['temp', 'in', [1, 2]],
        ['temp', 'notEqual', 1],
        ['temp', 'notEqual', 2],
      ],
      2,
      '"notEqual" 2 and the comparisons before it never hold together.',
    ],
    [
      [
        ['mode', 'equal', 'a'],
        ['mode', 'equal', 'b'],
      ],
      1,
      '"equal" "b" and',
    ],
    [
      [
        ['mode', 'equal', 'a'],
        ['mode', 'greaterThan', 5],
      ],
      1,
      '"greaterThan" 5 and',
    ],
    [
      [
        ['mode', 'inList', 'modes'],
        ['mode', 'notInList', 'modes'],
      ],
      1,
      'never',
    ],
    [
      [
        ['open', 'equal', true],
        ['open', 'equal', false],
      ],
      1,
      'never',
    ],
    [
      [
        ['open', 'notEqual', true],
        ['open', 'notEqual', false],
        ['open', 'in', [true, false]],
      ],
      2,
      'the comparisons before it',
    ],
  ])('all of %j: never, for number %i', (shorts, index, expected) => {
    const found = problemsOf({ all: leaves(shorts) }).filter(({ message }) => message.includes('together'));
    expect(found).toMatchObject([{ code: 'never-holds', severity: 'warning', path: ['all', index, 'value'] }]);
    expect(found[0]!.message).toContain(expected);
  });

  it.each<[shorts: readonly Short[], at: number, expected: string]>([
    [
      [
        ['temp', 'greaterThan', 3],
        ['temp', 'lessThan', 5],
      ],
      1,
      'For every value of "temp", "lessThan" 5 or "greaterThan" 3 holds.',
    ],
    [
      [
        ['temp', 'notEqual', 1],
        ['temp', 'notEqual', 2],
      ],
      1,
      '"notEqual" 2 or ',
    ],
    [
      [
        ['temp', 'lessThan', 3],
        ['temp', 'between', [3, 5]],
        ['temp', 'greaterThan', 5],
      ],
      2,
      'a comparison before it',
    ],
    [
      [
        ['open', 'equal', true],
        ['open', 'equal', false],
      ],
      1,
      'For every value of "open", ',
    ],
    [
      [
        ['mode', 'equal', 'a'],
        ['mode', 'not:equal', 'a'],
      ],
      1,
      'For every value of "mode", ',
    ],
  ])('any of %j: always, for number %i', (shorts, index, expected) => {
    const found = problemsOf({ any: leaves(shorts) });
    expect(found).toMatchObject([{ code: 'always-holds', severity: 'warning', path: ['any', index, 'value'] }]);
    expect(found[0]!.message).toContain(expected);
  });

  it.each<[kind: 'all' | 'any', shorts: readonly Short[]]>([
    // More than one text is converted to 5.
    [
      'all',
      [
        ['mode', 'greaterThanInclusive', 5],
        ['mode', 'lessThanInclusive', 5],
        ['mode', 'notEqual', '5'],
      ],
    ],
    [
      'all',
      [
        ['temp', 'greaterThan', 5],
        ['temp', 'lessThan', 6],
      ],
    ],
    [
      'all',
      [
        ['temp', 'greaterThanInclusive', 5],
        ['temp', 'lessThanInclusive', 5],
      ],
    ],
    [
      'all',
      [
        ['temp', 'greaterThan', 5],
        ['limit', 'lessThan', 3],
      ],
    ],
    [
      'all',
      [
        ['mode', 'greaterThan', 45],
        ['mode', 'startsWith', '4'],
      ],
    ],
    [
      'all',
      [
        ['mode', 'greaterThan', 45],
        ['mode', 'equal', '50'],
      ],
    ],
    [
      'all',
      [
        ['temp', 'notEqual', 1],
        ['temp', 'notEqual', 2],
      ],
    ],
    [
      'all',
      [
        ['temp', 'greaterThan', { fact: 'limit' }],
        ['temp', 'lessThan', 3],
      ],
    ],
    [
      'any',
      [
        ['temp', 'greaterThan', 5],
        ['temp', 'lessThan', 5],
      ],
    ],
    [
      'any',
      [
        ['temp', 'equal', 1],
        ['temp', 'equal', 1],
      ],
    ],
    [
      'any',
      [
        ['mode', 'greaterThan', 3],
        ['mode', 'lessThan', 5],
      ],
    ],
  ])('%s of %j: no contradiction', (kind, shorts) => {
    const codes = problemsOf({ [kind]: leaves(shorts) }).map(({ code }) => code);
    expect(codes.filter((code) => code !== 'numeric-text')).toEqual([]);
  });

  it('a comparison that never holds by itself is reported once', () => {
    const shorts: Short[] = [
      ['temp', 'equal', 'x'],
      ['temp', 'equal', 1],
      ['temp', 'between', [5, 1]],
    ];
    expect(problemsOf({ all: leaves(shorts) }).map(({ path }) => path[1])).toEqual([0, 2]);
  });

  const number = fc.integer({ min: -3, max: 3 }).map((n) => n / 2);
  const word = fc.constantFrom('a', 'b', '1', '-1', '', ' 1');
  const value = { temp: number, mode: word, open: fc.boolean() };
  const names = fc.constantFrom('temp', 'mode', 'open');
  const negation = fc.constantFrom('', '', '', 'not:', 'not:not:');
  const leaf = names.chain((fact) =>
    fc
      .tuple(
        negation,
        fc.oneof(
          fc.tuple(fc.constantFrom('equal', 'notEqual'), value[fact]),
          fc.tuple(fc.constantFrom('in', 'notIn'), fc.array<FieldValue>(value[fact], { maxLength: 4 })),
          fc.tuple(fc.constantFrom('lessThan', 'greaterThan', 'lessThanInclusive', 'greaterThanInclusive'), number),
          fc.tuple(fc.constant('between'), fc.tuple(number, number)),
          fc.tuple(fc.constantFrom('inList', 'notInList'), fc.constantFrom('hot', 'modes')),
          fc.tuple(fc.constantFrom('startsWith', 'endsWith', 'matches'), word),
          fc.tuple(fc.constantFrom('equal', 'greaterThan'), fc.constant({ fact: 'limit' })),
        ),
      )
      .map(([not, [operator, right]]): LeafCondition => ({ fact, operator: not + operator, value: right })),
  );

  // All constants above, values between and beyond them, and texts that are converted to any of these.
  const numbers = Array.from({ length: 41 }, (_, i) => i / 4 - 5).concat(41, 42, 41.5, 1e9, -1e9);
  const texts = ['a', 'b', '', 'ab', 'x', ...numbers.flatMap((n) => [`${n}`, ` ${n}`, `  ${n}`])];
  const grid: Facts[] = [
    ...numbers.map((temp) => ({ temp })),
    ...texts.map((mode) => ({ mode })),
    { open: true },
    { open: false },
  ];
  const isPlain = ({ operator, value }: LeafCondition) =>
    typeof value !== 'object' || Array.isArray(value) ? !/With|matches/.test(operator) : false;

  it.each(['all', 'any'] as const)(
    '%s: every reported contradiction is one, and every contradiction is reported',
    (kind) => {
      let [reported, silent] = [0, 0];
      fc.assert(
        fc.property(fc.array(leaf, { minLength: 2, maxLength: 4 }), (shorts) => {
          const problems = problemsOf({ [kind]: shorts });
          const at = problems
            .filter(({ message }) => /never hold together|^For every value of/.test(message))
            .map(({ path }) => path[1]);
          for (const fact of ['temp', 'mode', 'open']) {
            const own = shorts.map((each, i) => ({ each, i })).filter(({ each }) => each.fact === fact);
            const values = [...(kind === 'all' ? [{}] : []), ...grid.filter((env) => Object.hasOwn(env, fact))];
            const ask = (list: readonly { each: LeafCondition }[], env: Facts) => {
              const condition = { [kind]: list.map(({ each }) => each) } as unknown as TopCondition;
              return compileCondition(condition, context).compiled!.holds(env);
            };
            const decides = (list: readonly { each: LeafCondition }[]) =>
              list.length > 0 && values.every((env) => ask(list, env) === (kind === 'any'));
            const index = at.find((i) => own.some((each) => each.i === i));
            if (index !== undefined) {
              reported++;
              expect(decides(own.filter(({ i }) => i <= Number(index)))).toBe(true);
            }
            const plain = own.filter(({ each }) => isPlain(each) && !decides([{ each }]));
            if (index === undefined) {
              silent++;
              expect({ kind, shorts, fact, decided: decides(plain) }).toMatchObject({ decided: false });
            }
          }
        }),
        { numRuns: 800 },
      );
      expect(Math.min(reported, silent)).toBeGreaterThan(15);
    },
  );
});
