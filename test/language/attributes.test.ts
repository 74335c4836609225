import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import { parseSharedFile } from '../../engine/language/shared-file.ts';
import { full } from '../config/sample.ts';

const overLimit = { fact: 'temp', operator: 'greaterThan', value: { fact: 'device.limits.temp' } };
const { shared } = parseSharedFile('conditions.json', JSON.stringify({ conditions: { isOver: { all: [overLimit] } } }));
const RULE = { name: 'hot', stream: 'sensors', event: { type: 'hot' } };

function compile(rules: readonly object[], options?: { readonly attributes: boolean }) {
  const { config } = parseConfig('/etc/weir/weir.json', JSON.stringify(full));
  const parsed = rules.map((rule) => {
    const { rule: read, document, problems } = parseRuleFile('hot.rule.json', JSON.stringify(rule));
    if (read === undefined) throw new Error(JSON.stringify(problems));
    return { rule: read, document };
  });
  return compilePlan(config!.streams, parsed, shared, options);
}

/** `<code> at <path>`: the problem, and the text at its position. */
function problemsOf(rule: object, attributes = true): string[] {
  const text = JSON.stringify({ ...RULE, ...rule });
  return compile([{ ...RULE, ...rule }], { attributes }).problems.map(
    ({ code, column }) => `${code} at ${text.slice(column - 1, column + 20)}`,
  );
}

const hopping = { window: { hopping: '1m', every: '10s' } };
const mean = { mean: { mean: 'temp' } };
const meanOver = { all: [{ ...overLimit, fact: 'mean' }] };

describe('a rule that uses attributes of devices', () => {
  it.each([
    [{ conditions: { all: [overLimit] } }],
    [{ conditions: { condition: 'isOver' } }],
    [{ per: [], conditions: { all: [overLimit] } }],
    [{ ...hopping, facts: mean, conditions: meanOver }],
    [{ ...hopping, per: ['room', 'device'], facts: mean, conditions: meanOver }],
    [{ ...hopping, per: ['room'], facts: { over: { share: { all: [overLimit] } } }, conditions: { all: [] } }],
    [{ ...hopping, per: ['room'], where: { all: [overLimit] }, facts: mean, conditions: { all: [] } }],
  ])('is valid if the config has attributes, and gets a problem if it has none: %j', (rule) => {
    expect(problemsOf(rule).filter((reported) => !reported.startsWith('empty-group'))).toEqual([]);
    const without = problemsOf(rule, false).filter((reported) => !reported.startsWith('empty-group'));
    expect(without).toHaveLength(1);
    expect(without[0]).toMatch(/^no-attributes at "(device\.limits\.temp"|isOver")/);
  });

  it.each([
    ['the conditions', { conditions: meanOver, facts: mean }, 'many-devices at "device.limits.temp"}'],
    [
      'a calculation',
      { facts: { ...mean, part: { divide: ['mean', 'device.limits.temp'] } }, conditions: { all: [] } },
      'many-devices at "device.limits.temp"]',
    ],
    [
      'the message',
      { facts: mean, conditions: { all: [] }, event: { type: 'x', params: { message: '{{device.model}}' } } },
      'many-devices at "{{device.model}}"}},',
    ],
    ['clear', { facts: mean, conditions: { all: [] }, clear: meanOver }, 'many-devices at "device.limits.temp"}'],
    [
      'a level',
      { facts: mean, levels: [{ severity: 'info', conditions: meanOver }] },
      'many-devices at "device.limits.temp"}',
    ],
  ])('cannot use them in %s of a window over several devices', (_where, rule, reported) => {
    const problems = problemsOf({ ...hopping, per: ['room'], ...rule });
    expect(problems.filter((each) => !each.startsWith('empty-group'))).toEqual([reported]);
  });

  it.each(['device.', 'device..temp', 'device.limits.', 'device.a b', 'device.__proto__.x'])(
    'must not call one %s',
    (fact) => {
      const reported = problemsOf({ conditions: { all: [{ fact, operator: 'equal', value: 1 }] } });
      expect(reported).toEqual([expect.stringMatching(/^bad-attribute at "device\./)]);
    },
  );

  it('gets a remedy for a window over several devices', () => {
    const { problems } = compile([{ ...RULE, ...hopping, per: [], facts: mean, conditions: meanOver }], {
      attributes: true,
    });
    expect(problems).toMatchObject([
      {
        message:
          '"device.limits.temp" is an attribute of one device, but a window of the whole stream has many devices.',
        remedy: 'Add "device" to "per", or use it for single readings: in "where", or in the condition of a "share".',
      },
    ]);
  });

  it('cannot be a silence rule, which has no attributes', () => {
    const event = { type: 'x', params: { message: '{{device.model}}' } };
    expect(problemsOf({ silence: '1m', event })).toEqual(['unknown-name at "{{device.model}}"}},']);
  });

  it('must be over devices: a view has none', () => {
    const view = { name: 'means', stream: 'sensors', ...hopping, facts: mean };
    const over = { ...RULE, stream: 'means', conditions: { all: [{ ...overLimit, fact: 'mean' }] } };
    expect(compile([view, over], { attributes: true }).problems).toMatchObject([
      { code: 'no-device', remedy: 'Use the attribute in a fact of the view instead.' },
    ]);
  });
});

describe('the plan', () => {
  it('has each path once, and marks the streams and windows that use them', () => {
    const { plan, problems } = compile(
      [
        { ...RULE, conditions: { all: [overLimit] } },
        { ...RULE, name: 'b', ...hopping, per: ['room', 'device'], facts: mean, conditions: meanOver },
        {
          ...RULE,
          name: 'c',
          stream: 'meters',
          ...hopping,
          facts: { p: { max: 'power' } },
          conditions: { all: [{ fact: 'p', operator: 'lessThan', value: { fact: 'device.low' } }] },
        },
      ],
      { attributes: true },
    );
    expect(problems).toEqual([]);
    expect(plan.attributes).toEqual([['limits', 'temp'], ['low']]);
    expect(plan.streams.map(({ usesAttributes }) => usesAttributes)).toEqual([true, false, false]);
    expect(plan.rules).toMatchObject([{ name: 'hot' }, { name: 'b', attributesOf: 1 }, { name: 'c', attributesOf: 0 }]);
  });

  it('has no index predicate for a comparison with an attribute, whose value is not known beforehand', () => {
    const { plan } = compile(
      [
        { ...RULE, name: 'a', conditions: { all: [overLimit] } },
        { ...RULE, name: 'b', conditions: { any: [overLimit, { fact: 'temp', operator: 'greaterThan', value: 90 }] } },
        { ...RULE, name: 'c', conditions: { all: [{ fact: 'device.model', operator: 'equal', value: 'X' }] } },
        { ...RULE, name: 'd', conditions: { all: [overLimit, { fact: 'temp', operator: 'greaterThan', value: 90 }] } },
      ],
      { attributes: true },
    );
    const predicates = plan.rules.map((rule) => (rule.kind === 'reading' ? rule.predicates : 'none'));
    expect(predicates).toEqual([
      undefined,
      undefined,
      undefined,
      [{ kind: 'within', field: 0, low: 90, high: Infinity }],
    ]);
  });
});
