import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';

const CONFIG = {
  data: 'data',
  rules: 'rules',
  mqtt: { url: 'mqtt://localhost', clientId: 'weir-1' },
  streams: {
    sensors: {
      topic: 'plant/{site}/{device}/data',
      format: 'json',
      fields: { temp: 'number', firmware: 'string', open: 'boolean' },
    },
  },
  nats: { servers: 'nats://localhost' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const { config } = parseConfig('weir.json', JSON.stringify(CONFIG), '/etc/weir');
const over = (fact: string) => ({ all: [{ fact, operator: 'greaterThan', value: 1 }] });

/** Compiles a rule whose fact `x` is this one. Each problem is shown with the text at its position. */
function compile(x: object, conditions: object = over('x'), message = '{{key}}') {
  const rule = {
    name: 'r',
    stream: 'sensors',
    window: { tumbling: '10s' },
    facts: { x },
    conditions,
    event: { type: 'r', params: { message } },
  };
  const text = JSON.stringify(rule, null, 1);
  const { rule: parsed, document, problems } = parseRuleFile('r.rule.json', text);
  if (parsed === undefined) throw new Error(JSON.stringify(problems));
  const compiled = compilePlan(config!.streams, [{ rule: parsed, document }]);
  const lines = text.split('\n');
  const reported = compiled.problems.map(({ code, line, column, message, remedy }) => {
    const place = lines[line - 1]!.slice(column - 1).replace(/,$/, '');
    return `${code} at ${place}: ${message} ${remedy}`;
  });
  return { plan: compiled.plan, reported };
}

describe('an aggregate', () => {
  it.each<[object, object?]>([
    [{ median: 'temp' }],
    [{ percentile: 'temp', p: 99.9 }],
    [{ distinct: 'firmware' }],
    [{ distinct: 'open' }],
    [{ distinct: 'site' }],
    [{ distinct: 'device' }],
    [{ share: over('temp') }],
    [{ share: { not: { fact: 'site', operator: 'equal', value: 'north' } } }],
    [{ timeWeightedMean: 'temp' }],
    [{ slope: 'temp' }],
    [{ slope: 'temp', per: '1m' }],
    [{ histogram: 'temp', bounds: [20] }, over('x.1')],
    [{ histogram: 'temp', bounds: Array.from({ length: 64 }, (_, i) => i) }, over('x.64')],
  ])('%j compiles', (fact, conditions) => {
    const { plan, reported } = compile(fact, conditions);
    expect(reported).toEqual([]);
    expect(plan.rules).toHaveLength(1);
  });

  it.each<[object, string]>([
    [{ median: 'tmp' }, 'unknown-field at "tmp": Stream "sensors" has no field "tmp". Did you mean "temp"?'],
    [
      { median: 'site' },
      'unknown-field at "site": Stream "sensors" has no field "site". Its fields are: temp, firmware, open.',
    ],
    [
      { slope: 'firmware' },
      'wrong-type at "firmware": "slope" cannot be used with "firmware", which is a string. Use a field of type number.',
    ],
    [
      { histogram: 'open', bounds: [1] },
      'wrong-type at "open": "histogram" cannot be used with "open", which is a boolean. Use a field of type number.',
    ],
    [
      { distinct: 'firmwre' },
      'unknown-field at "firmwre": Stream "sensors" has no field or label "firmwre". Did you mean "firmware"?',
    ],
    [
      { distinct: 'colour' },
      'unknown-field at "colour": Stream "sensors" has no field or label "colour". It has: device, site, temp, firmware, open.',
    ],
    [
      { share: { any: [{ fact: 'tmp', operator: 'greaterThan', value: 1 }] } },
      'unknown-fact at "tmp": There is no fact "tmp". Did you mean "temp"?',
    ],
  ])('%j is refused', (fact, problem) => {
    const { plan, reported } = compile(fact, 'histogram' in fact ? over('x.0') : over('x'));
    expect(reported).toEqual([problem]);
    expect(plan.rules).toEqual([]);
  });

  it('that is a histogram has no value itself, and no bucket after its last', () => {
    const histogram = { histogram: 'temp', bounds: [20, 30] };
    const [bare, beyond] = [compile(histogram).reported, compile(histogram, over('x.3')).reported];
    expect(bare).toEqual([expect.stringMatching(/^unknown-fact at "x": There is no fact "x"\. .*x\.0/)]);
    expect(beyond).toEqual([expect.stringMatching(/^unknown-fact at "x\.3": There is no fact "x\.3"/)]);
    expect(compile(histogram, over('x.2'), 'at {{x.0}}, {{x.1}}, {{x.2}}').reported).toEqual([]);
  });
});
