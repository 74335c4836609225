import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileCalculation, isCalculation } from '../../engine/language/calculations/arithmetic.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import type { FieldValue } from '../../engine/model/field.ts';
import type { Calculation, Operand } from '../../engine/model/rule.ts';

type Values = Readonly<Record<string, FieldValue | undefined>>;

/** Interprets a calculation. */
function evaluate(operand: Operand, values: Values): number | undefined {
  if (typeof operand === 'number') return operand;
  if (typeof operand === 'string') {
    const value = values[operand];
    return typeof value === 'number' ? value : undefined;
  }
  const { digits = 0, base, ...operation } = operand;
  const [name, content] = Object.entries(operation)[0] as [string, Operand | readonly Operand[]];
  const operands = (Array.isArray(content) ? content : [content]) as readonly Operand[];
  const numbers = operands.map((each) => evaluate(each, values));
  if (numbers.includes(undefined)) return undefined;
  const result = apply(name, numbers as number[], digits, base);
  return Number.isFinite(result) ? result : undefined;
}

/** Combines numbers from left to right, and stops when there is no number any more. */
function over(values: readonly number[], step: (a: number, b: number) => number): number {
  let result = values[0]!;
  for (const value of values.slice(1)) {
    if (!Number.isFinite(result)) return Number.NaN;
    result = step(result, value);
  }
  return result;
}

function apply(name: string, values: readonly number[], digits: number, base: number | undefined): number {
  const [a, b] = values as [number, number];
  switch (name) {
    case 'add':
      return over(values, (x, y) => x + y);
    case 'multiply':
      return over(values, (x, y) => x * y);
    case 'subtract':
      return a - b;
    case 'divide':
      return a / b;
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'pow':
      return a ** b;
    case 'abs':
      return Math.abs(a);
    case 'sqrt':
      return Math.sqrt(a);
    case 'round':
      return Math.abs(a) < 2 ** 53 ? Number(a.toFixed(digits)) : a;
    default:
      return base === 10 ? Math.log10(a) : base === 2 ? Math.log2(a) : Math.log(a);
  }
}

const NAMES = ['a', 'b', 'c', 'text', 'missing'];
const number = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 3, arbitrary: fc.double({ min: -1e3, max: 1e3, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(1e308, -1e308, 5e-324, 1e-9, 0) },
);

const { operand } = fc.letrec<{ operand: Operand; calculation: Operand }>((tie) => {
  const one = tie('operand');
  const two = fc.tuple(one, one);
  const many = fc.array(one, { minLength: 2, maxLength: 4 });
  const calculations: fc.Arbitrary<Calculation>[] = [
    fc.record({ add: many }),
    fc.record({ multiply: many }),
    fc.record({ min: many }),
    fc.record({ max: many }),
    fc.record({ subtract: two }),
    fc.record({ divide: two }),
    fc.record({ pow: two }),
    fc.record({ abs: one }),
    fc.record({ sqrt: one }),
    fc.record({ round: one, digits: fc.integer({ min: 0, max: 15 }) }, { requiredKeys: ['round'] }),
    fc.record({ log: one, base: fc.constantFrom(2, 10) }, { requiredKeys: ['log'] }),
  ];
  return {
    calculation: fc.oneof(...calculations),
    operand: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      number,
      fc.constantFrom('a', 'a', 'b', 'c', ...NAMES),
      tie('calculation'),
    ),
  };
});
const calculation = operand.filter((each): each is Calculation => typeof each === 'object');
const values: fc.Arbitrary<Values> = fc.record({ a: number, b: number, c: number, text: fc.constant('7') });

const compile = (spec: Calculation) => {
  const formula = compileCalculation<Values>(spec, [], (name) => (env) => env[name]);
  if (formula === undefined) throw new Error('not compiled');
  return formula;
};

describe('a calculation', () => {
  it('gives the same result as an interpreter, for any tree of operations', () => {
    let defined = 0;
    fc.assert(
      fc.property(calculation, values, (spec, env) => {
        const expected = evaluate(spec, env);
        expect(compile(spec)(env)).toBe(expected);
        if (expected !== undefined) defined++;
      }),
      { numRuns: 3_000 },
    );
    expect(defined).toBeGreaterThan(500);
  });

  it('is a fact that the schema accepts', () => {
    fc.assert(
      fc.property(calculation, (spec) => {
        const rule = {
          name: 'x',
          stream: 's',
          facts: { x: spec },
          conditions: { all: [{ fact: 'x', operator: 'lessThan', value: 1 }] },
          event: { type: 'x' },
        };
        expect(isCalculation(spec)).toBe(true);
        expect(parseRuleFile('x.rule.json', JSON.stringify(rule)).problems).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it.each<[Calculation, number | undefined]>([
    [{ divide: ['power', { multiply: ['voltage', 'current'] }] }, 0.75],
    [{ divide: [1, { subtract: ['voltage', 'voltage'] }] }, undefined],
    [{ divide: [0, 0] }, undefined],
    [{ add: ['power', 'gone'] }, undefined],
    [{ min: ['gone', 1] }, undefined],
    [{ min: [{ divide: [1, 0] }, 1] }, undefined],
    [{ divide: [1, { multiply: [1e308, 10] }] }, undefined],
    [{ log: 0 }, undefined],
    [{ log: -1 }, undefined],
    [{ log: 1 }, 0],
    [{ log: 1_000, base: 10 }, 3],
    [{ log: 8, base: 2 }, 3],
    [{ sqrt: -1 }, undefined],
    [{ pow: [2, 10] }, 1_024],
    [{ round: 2.345, digits: 2 }, 2.35],
    [{ round: 1.005, digits: 2 }, 1],
    [{ round: -2.5 }, -3],
    [{ round: 1e300, digits: 15 }, 1e300],
    [{ abs: { subtract: [3, 'power'] } }, 1_722],
    [{ subtract: [10, 3] }, 7],
    [{ add: [1, 2, 3, 4] }, 10],
  ])('%j is %s', (spec, expected) => {
    expect(compile(spec)({ power: 1_725, voltage: 230, current: 10 })).toBe(expected);
  });
});
