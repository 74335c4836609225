import fc from 'fast-check';
import { Engine } from 'json-rules-engine';
import { describe, expect, it } from 'vitest';
import { compileCondition, DECORATOR_NAMES, OPERATOR_NAMES } from '../../engine/language/conditions/conditions.ts';
import { resolveOperator } from '../../engine/language/conditions/resolve-operator.ts';
import type { Condition, LeafCondition, TopCondition } from '../../engine/model/rule.ts';
import { askLibrary, type Facts } from './library.ts';

const FACTS = ['a', 'b', 'c', 'absent'];
const SEEDED = { numRuns: 60 };

const number = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 5, 10, 1e21, Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE),
  fc.integer({ min: -12, max: 12 }),
  fc.double({ noNaN: true }),
);
const text = fc.oneof(
  fc.constantFrom('', ' ', '0', '-0', '5', '10', '9', ' 5 ', '\t5', '12abc', '0x10', '1e3', '.5', '+1', '\ufeff7'),
  fc.constantFrom('NaN', 'nan', 'Infinity', '-Infinityx', 'null', 'undefined', 'true', 'a', 'abc', 'b', '1,2', 'é'),
  fc.integer({ min: -12, max: 12 }).map(String),
  fc.string({ maxLength: 4 }),
);
const scalar = fc.oneof({ weight: 3, arbitrary: number }, { weight: 3, arbitrary: text }, fc.boolean());
const json = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.constant(null),
  { weight: 2, arbitrary: fc.array(fc.oneof(scalar, fc.constant(null)), { maxLength: 12 }) },
  fc.array(fc.array(scalar, { maxLength: 3 }), { maxLength: 3 }),
);
const reference = fc.record(
  { fact: fc.constantFrom(...FACTS), path: fc.constant('$.x'), params: fc.constant({ n: 1 }) },
  { requiredKeys: ['fact'] },
);
const operator = fc
  .tuple(
    fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.array(fc.constantFrom(...DECORATOR_NAMES), { maxLength: 3 }),
    ),
    fc.constantFrom(...OPERATOR_NAMES),
  )
  .map(([decorators, name]) => [...decorators, name].join(':'));

const leaf: fc.Arbitrary<LeafCondition> = fc.record(
  {
    fact: fc.constantFrom(...FACTS),
    operator,
    value: fc.oneof({ weight: 4, arbitrary: json }, reference),
    path: fc.constantFrom('$.x', '$'),
    params: fc.constant({ n: 1 }),
    name: fc.constant('leaf'),
    priority: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ['fact', 'operator', 'value'] },
);

/** Comparisons without a problem on our side; those with one have a property of their own below. */
const soundLeaf = leaf.filter((condition) => compiled({ all: [condition] }).compiled !== undefined);

const nameAndPriority = { name: fc.constant('group'), priority: fc.integer({ min: 1, max: 3 }) };
const { top } = fc.letrec<{ top: TopCondition; node: Condition }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'condition' },
    { weight: 3, arbitrary: soundLeaf },
    { weight: 2, arbitrary: tie('top') },
  ),
  top: fc.oneof(
    { depthIdentifier: 'condition' },
    fc.record(
      { all: fc.array(tie('node'), { maxLength: 5, depthIdentifier: 'condition' }), ...nameAndPriority },
      { requiredKeys: ['all'] },
    ) as fc.Arbitrary<TopCondition>,
    fc.record(
      { any: fc.array(tie('node'), { maxLength: 5, depthIdentifier: 'condition' }), ...nameAndPriority },
      { requiredKeys: ['any'] },
    ) as fc.Arbitrary<TopCondition>,
    fc.record({ not: tie('node'), ...nameAndPriority }, { requiredKeys: ['not'] }) as fc.Arbitrary<TopCondition>,
    fc.constantFrom('shared', 'chained').map((condition) => ({ condition }) as unknown as TopCondition),
  ),
}));

const value = fc.oneof(
  { weight: 8, arbitrary: scalar },
  fc.constantFrom(undefined, Number.NaN, Number.NEGATIVE_INFINITY),
);
const facts: fc.Arbitrary<Facts> = fc.record({ a: value, b: value, c: value }, { requiredKeys: ['a'] });

const SHARED = {
  shared: {
    any: [
      { fact: 'a', operator: 'greaterThan', value: 3 },
      { fact: 'b', operator: 'equal', value: 'abc' },
    ],
  },
  chained: { not: { condition: 'shared' } as unknown as Condition },
} satisfies Record<string, TopCondition>;

const context = {
  resolve: (fact: string) => (FACTS.includes(fact) ? (env: Facts) => env[fact] : undefined),
  shared: SHARED,
  missing: 'undefined',
} as const;

function compiled(condition: TopCondition) {
  return compileCondition(condition, context);
}

describe('conditions have the same meaning as in json-rules-engine', () => {
  it('for whole trees, and comparison by comparison in explain', async () => {
    let evaluations = 0;
    const held = { true: 0, false: 0 };
    const ours = fc.array(top, { minLength: 15, maxLength: 25 });
    await fc.assert(
      fc.asyncProperty(ours, fc.array(facts, { minLength: 8, maxLength: 12 }), async (conditions, factSets) => {
        const mine = conditions.map(compiled);
        for (const env of factSets) {
          const answers = await askLibrary(conditions, SHARED, env);
          answers.forEach((answer, i) => {
            const { compiled, problems } = mine[i]!;
            const result = compiled!.holds(env);
            const outcomes = compiled!.explain(env);
            if (answer === 'rejected') {
              expect(problems.map((problem) => problem.code)).toContain('sometimes-unanswerable');
              return;
            }
            expect({ condition: conditions[i], env, result }).toEqual({
              condition: conditions[i],
              env,
              result: answer.result,
            });
            expect(outcomes.map((outcome) => outcome.fact)).toEqual(answer.leaves.map((leaf) => leaf.fact));
            answer.leaves.forEach((leaf, j) => {
              if (leaf.result !== undefined) expect(outcomes[j]!.result).toBe(leaf.result);
            });
            held[`${result}`]++;
            evaluations++;
          });
        }
      }),
      SEEDED,
    );
    expect(evaluations).toBeGreaterThan(5_000);
    expect(Math.min(held.true, held.false)).toBeGreaterThan(1_000);
  }, 60_000);

  it('for every operator and chain of decorators alone, also if json-rules-engine throws', () => {
    const { operators } = new Engine() as unknown as {
      operators: { get(name: string): { evaluate(fact: unknown, value: unknown): boolean } };
    };
    const theirs = (name: string, fact: unknown, value: unknown) => {
      try {
        return operators.get(name).evaluate(fact, value);
      } catch {
        return undefined;
      }
    };
    fc.assert(
      fc.property(operator, fc.oneof(value, json), fc.oneof(value, json), (name, fact, right) => {
        const resolved = resolveOperator(name);
        if (!('compare' in resolved)) throw new Error(resolved.message);
        const expected = theirs(name, fact, right);
        expect(resolved.compare(fact, right)).toBe(expected);
        if (!Array.isArray(fact) && fact !== null) {
          expect(resolved.against(() => fact, right)(undefined)).toBe(expected === true);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it('and warnings are right: never-holds never holds, always-holds always holds, unanswerable throws', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(leaf, { minLength: 30, maxLength: 40 }), facts, async (leaves, env) => {
        const conditions = leaves.map((condition): TopCondition => ({ all: [condition] }));
        const answers = await askLibrary(conditions, {}, env);
        answers.forEach((answer, i) => {
          const codes = compiled(conditions[i]!).problems.map((problem) => problem.code);
          for (const code of codes) seen.add(code);
          const outcome = { leaf: leaves[i], env, result: answer === 'rejected' ? answer : answer.result };
          if (codes.includes('never-holds')) expect(outcome).not.toMatchObject({ result: true });
          if (codes.includes('always-holds')) expect(outcome).toMatchObject({ result: true });
          if (codes.includes('unanswerable')) expect(outcome).toMatchObject({ result: 'rejected' });
          if (codes.includes('not-for-numbers') && typeof env[leaves[i]!.fact] === 'number') {
            expect(outcome).toMatchObject({ result: false });
          }
          if (answer === 'rejected') expect(codes.join()).toContain('unanswerable');
        });
      }),
      { numRuns: 150 },
    );
    expect([...seen]).toEqual(
      expect.arrayContaining(['never-holds', 'always-holds', 'unanswerable', 'not-for-numbers']),
    );
  }, 60_000);
});

describe('a fact without a value', () => {
  type Answer = boolean | undefined;

  /** Kleene's strong three-valued logic, by recursion over the condition; a comparison is unknown if one of its sides has no value. */
  function answer(node: Condition, env: Facts): Answer {
    if ('all' in node || 'any' in node) {
      const parts = ('all' in node ? node.all : node.any).map((part) => answer(part, env));
      if (parts.length === 0) return true;
      const deciding = !('all' in node);
      if (parts.includes(deciding)) return deciding;
      return parts.includes(undefined) ? undefined : !deciding;
    }
    if ('not' in node) {
      const turned = answer(node.not, env);
      return turned === undefined ? undefined : !turned;
    }
    if ('condition' in node) return answer(SHARED[node.condition as keyof typeof SHARED], env);
    const { fact, value } = node;
    const other = typeof value === 'object' && value !== null && 'fact' in value ? String(value.fact) : undefined;
    if (env[fact] === undefined || (other !== undefined && env[other] === undefined)) return undefined;
    return compileCondition({ all: [node] }, context).compiled!.holds(env);
  }

  it('makes conditions unknown as in three-valued logic, and none if all facts have a value', () => {
    const seen = { true: 0, false: 0, undefined: 0 };
    fc.assert(
      fc.property(top, fc.array(facts, { minLength: 8, maxLength: 12 }), (condition, factSets) => {
        const { missing: _missing, ...unknowing } = context;
        const { holds, fails } = compileCondition(condition, unknowing).compiled!;
        for (const env of factSets) {
          const found: Answer = holds(env) ? true : fails(env) ? false : undefined;
          expect({ condition, env, found }).toEqual({ condition, env, found: answer(condition, env) });
          expect(holds(env) && fails(env)).toBe(false);
          seen[`${found}`]++;
        }
      }),
      { numRuns: 500 },
    );
    expect(Math.min(seen.true, seen.false, seen.undefined)).toBeGreaterThan(100);
  });
});
