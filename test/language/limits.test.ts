import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';

const CONFIG = {
  data: 'data',
  rules: 'rules',
  mqtt: { url: 'mqtt://localhost', clientId: 'weir-1' },
  streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
  nats: { servers: 'nats://localhost' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const { config } = parseConfig('weir.json', JSON.stringify(CONFIG), '/etc/weir');

const leaf = (value: number) => ({ fact: 'temp', operator: 'greaterThan', value });
const leaves = (count: number) => Array.from({ length: count }, (_, i) => leaf(i));
const parse = (parts: object) => {
  const rule = { name: 'r', stream: 'sensors', conditions: { any: leaves(1) }, event: { type: 'r' }, ...parts };
  return parseRuleFile('r.rule.json', JSON.stringify(rule, null, 1));
};

describe('the size of a rule', () => {
  it('is 200 comparisons at most, in all of its parts', () => {
    const facts = (count: number) => ({ row: { inARow: { any: leaves(count) } } });
    const event = { type: 'r', params: { table: leaves(500) } };
    const of = (row: number) =>
      parse({ where: { all: leaves(50) }, facts: facts(row), conditions: { any: leaves(100) }, event });
    expect(of(50).problems).toEqual([]);
    const { rule, problems } = of(51);
    expect(rule).toBeUndefined();
    expect(problems).toMatchObject([
      { code: 'too-many', message: 'The rule has more than 200 comparisons, which is the maximum.' },
    ]);
    expect(problems[0]!.line).toBeGreaterThan(1);
  });

  it('is 64 facts at most', () => {
    const facts = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, { delta: 'temp' }]));
    expect(parse({ facts: facts(64) }).problems).toEqual([]);
    expect(parse({ facts: facts(65) }).problems).toMatchObject([
      { code: 'too-many', message: '`facts` has 65 entries; the maximum is 64.', remedy: 'Keep at most 64 entries.' },
    ]);
  });

  it('is 256 KiB at most', () => {
    const described = (bytes: number) => parse({ description: 'x'.repeat(bytes) });
    expect(described(261_000).problems).toEqual([]);
    const { rule, problems } = described(263_000);
    expect(rule).toBeUndefined();
    expect(problems).toMatchObject([
      { code: 'too-large', message: expect.stringMatching(/26\d{4} bytes; the maximum is 262144/) },
    ]);
    expect(parse({ description: 'é'.repeat(132_000) }).problems).toMatchObject([{ code: 'too-large' }]);
  });

  it('is 32 levels of conditions at most', () => {
    const nested = (depth: number): object => (depth === 0 ? leaf(1) : { not: nested(depth - 1) });
    const compiled = (depth: number) => {
      const { rule, document } = parse({ conditions: nested(depth) });
      return compilePlan(config!.streams, [{ rule: rule!, document }]).problems;
    };
    expect(compiled(32)).toEqual([]);
    const [problem] = compiled(33);
    expect(problem).toMatchObject({
      code: 'too-large',
      message: 'The conditions are nested more than 32 levels deep.',
    });
    expect(problem!.line).toBe(4 + 33);
  });
});

describe('an empty group', () => {
  it.each(['all', 'any'])('%s always holds, as in json-rules-engine, and is warned of', (kind) => {
    const { rule, document, problems } = parse({ conditions: { [kind]: [] } });
    expect(problems).toEqual([]);
    const compiled = compilePlan(config!.streams, [{ rule: rule!, document }]);
    expect(compiled.problems).toMatchObject([{ code: 'empty-group', severity: 'warning', line: 5 }]);
    const [plan] = compiled.plan.rules;
    expect(plan?.kind === 'reading' && plan.conditions.holds({} as never)).toBe(true);
  });
});
