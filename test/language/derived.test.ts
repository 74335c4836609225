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
      fields: { temp: { type: 'number', unit: '°C' }, power: 'number', mode: 'string' },
    },
  },
  nats: { servers: 'nats://localhost' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const { config } = parseConfig('weir.json', JSON.stringify(CONFIG), '/etc/weir');

/** The problems of a rule with these facts: code, place and sentences of each. */
function problemsOf(facts: object, more: object = {}): string[] {
  const [first = 'x'] = Object.keys(facts);
  const rule = {
    name: 'r',
    stream: 'sensors',
    facts,
    conditions: { all: [{ fact: first, operator: 'greaterThan', value: 1 }] },
    event: { type: 'r' },
    ...more,
  };
  const { rule: parsed, document, problems } = parseRuleFile('r.rule.json', JSON.stringify(rule, null, 1));
  const found = parsed === undefined ? problems : compilePlan(config!.streams, [{ rule: parsed, document }]).problems;
  const lines = JSON.stringify(rule, null, 1).split('\n');
  return found.map(
    ({ code, line, column, message, remedy }) =>
      `${code} at ${lines[line - 1]!.slice(column - 1)}: ${message} ${remedy}`,
  );
}

const window = { tumbling: '10s' };
const silent = { all: [{ fact: 'temp', operator: 'greaterThn', value: 1 }] };

describe('facts with faults', () => {
  it.each<[string, object, object, readonly string[]]>([
    [
      'an operand that is misspelt',
      { x: { add: ['tmp', 1] } },
      {},
      ['unknown-fact at "tmp",: The calculation uses "tmp", but there is no such field or fact. Did you mean "temp"?'],
    ],
    [
      'an operand that is misspelt, deep inside',
      { total: { add: ['temp', 1] }, x: { divide: [1, { abs: { multiply: ['totl', 2] } }] } },
      {},
      [
        'unknown-fact at "totl",: The calculation uses "totl", but there is no such field or fact. Did you mean "total"?',
      ],
    ],
    [
      'an operand like none',
      { x: { add: ['quux', 1] } },
      {},
      [
        'unknown-fact at "quux",: The calculation uses "quux", but there is no such field or fact. Known names: device, site, temp, power, mode, x.',
      ],
    ],
    [
      'an operand that is no number',
      { x: { add: ['mode', 1] } },
      {},
      [
        'wrong-type at "mode",: The calculation uses "mode", which is a string. Use numbers in calculations, and other values in conditions.',
      ],
    ],
    [
      'a circle',
      { a: { add: ['b', 1] }, b: { multiply: [2, { abs: 'c' }] }, c: { subtract: ['a', 'temp'] } },
      {},
      [
        'circular-fact at "a",: These facts are calculated from each other in a circle: a → b → c → a. Calculate one of them only from fields or other facts.',
      ],
    ],
    [
      'a fact of itself',
      { a: { add: ['a', 1] } },
      {},
      [
        'circular-fact at "a",: These facts are calculated from each other in a circle: a → a. Calculate one of them only from fields or other facts.',
      ],
    ],
    [
      'a field in a window',
      { x: { add: ['temp', 'top'] }, top: { max: 'temp' } },
      { window },
      [
        'unknown-fact at "temp",: The calculation uses the field "temp", but a window has many values of it. Add a fact such as {"last": "temp"}, and use the name of that fact.',
      ],
    ],
    [
      'a running fact in a window',
      { x: { delta: 'temp' } },
      { window },
      [
        'needs-no-window at "delta": "temp": The fact `x` (`delta`) needs single readings, but the rule has a window. Remove `window`, or use {"range": …}, or subtract {"first": …} from {"last": …}.',
      ],
    ],
    [
      'an aggregate without a window',
      { x: { mean: 'temp' } },
      {},
      [
        'needs-window at "mean": "temp": The fact `x` (`mean`) needs a window, but the rule has none. Add "window": {"tumbling": "10s"}. Without a window, a rule can use previous, delta, rate, ewma, zscore, mad, unchangedFor, silentFor, inARow and calculations.',
      ],
    ],
    [
      'a half-life of nothing',
      { x: { ewma: 'temp', halfLife: '0s' } },
      {},
      [
        'bad-format at "0s": `facts.x.halfLife` is "0s", which is not a duration longer than zero. Write a number and ms, s, m, h or d, like "250ms", "10s", "1.5m" or "2h".',
      ],
    ],
    [
      'no half-life',
      { x: { ewma: 'temp' } },
      {},
      [
        'missing-key at "x": {: `facts.x` has no `halfLife`. Add "halfLife": "10s". A reading of this age has half the weight of a new one.',
      ],
    ],
    [
      'too few operands',
      { x: { divide: ['temp'] } },
      {},
      ['empty at [: `facts.x.divide` has 1 entry; the minimum is 2. Write it like ["temp",20].'],
    ],
    [
      'too many operands',
      { x: { subtract: ['temp', 1, 2] } },
      {},
      ['too-many at [: `facts.x.subtract` has 3 entries; the maximum is 2. Keep at most 2 entries.'],
    ],
    [
      'a list where one operand belongs',
      { x: { abs: ['temp'] } },
      {},
      [
        'wrong-type at [: `facts.x.abs` must be a number, the name of a field or fact, or a calculation {"divide": [ … ]}; found a list. Write it like "temp".',
      ],
    ],
    [
      'one operand where a list belongs',
      { x: { divide: 'temp' } },
      {},
      [
        'wrong-type at "temp": `facts.x.divide` must be a list of two operands; found "temp". Write it like ["temp",20].',
      ],
    ],
    [
      'an operation that is misspelt',
      { x: { devide: ['temp', 2] } },
      {},
      ['unknown-key at "devide": [: Unknown key `devide` in `facts.x`. Did you mean `divide`? Allowed keys: divide.'],
    ],
    [
      'a detector that is misspelt',
      { x: { unchangedfor: 'temp' } },
      {},
      [
        'unknown-key at "unchangedfor": "temp": Unknown key `unchangedfor` in `facts.x`. Did you mean `unchangedFor`? Allowed keys: unchangedFor.',
      ],
    ],
    [
      'an option of another operation',
      { x: { abs: 'temp', digits: 1 } },
      {},
      [
        'exclusive-keys at "digits": 1: `digits` cannot be combined with `abs` in `facts.x`. Keep `abs` or `digits`, not both.',
      ],
    ],
    [
      'a field that is misspelt',
      { x: { rate: 'tmp', per: '1m' } },
      {},
      ['unknown-field at "tmp",: Stream "sensors" has no field "tmp". Did you mean "temp"?'],
    ],
    [
      'a field that cannot be followed',
      { x: { delta: 'mode' } },
      {},
      ['wrong-type at "mode": "delta" cannot be used with "mode", which is a string. Use a field of type number.'],
    ],
    [
      'the name of a field',
      { temp: { ewma: 'temp', halfLife: '1m' } },
      {},
      [
        'reserved-name at "temp": {: The fact "temp" has the name of a field or label of stream "sensors". Choose another name.',
      ],
    ],
    [
      'a faulty condition in a row',
      { x: { inARow: silent } },
      {},
      ['unknown-operator at "greaterThn",: Unknown operator "greaterThn". Did you mean "greaterThan"?'],
    ],
    [
      'facts in `where`',
      { x: { delta: 'temp' } },
      { where: { all: [{ fact: 'x', operator: 'greaterThan', value: 1 }] } },
      ['unknown-fact at "x",: There is no fact "x". Known names: device, site, temp, power, mode.'],
    ],
  ])('%s', (_name, facts, more, expected) => {
    expect(problemsOf(facts, more)).toEqual(expected);
  });

  it('a long chain of facts ends with a message, and not with a stack overflow', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 64 }, (_, i) => [`f${i}`, { add: [`f${i + 1}`, `f${i + 1}`] }]),
    );
    expect(problemsOf(chain)).toEqual([
      'unknown-fact at "f64",: The calculation uses "f64", but there is no such field or fact. Did you mean "f4"?',
      'unknown-fact at "f64": The calculation uses "f64", but there is no such field or fact. Did you mean "f4"?',
    ]);
    expect(problemsOf({ ...chain, f64: { add: ['temp', 1] } })[0]).toContain('the maximum is 64');
  });
});

describe('a message', () => {
  const facts = { rise: { delta: 'temp' }, z: { zscore: 'temp', halfLife: '1h' } };
  it.each([
    ['{{rise}} {{rise.unit}}, {{temp}} {{ temp.unit }}', []],
    [
      '{{z.unit}}',
      [
        'no-unit at "{{z.unit}}": The message uses {{z.unit}}, but "z" has no unit. Set the unit of the field in the config, or write the unit into the message.',
      ],
    ],
    [
      '{{power.unit}}',
      [
        'no-unit at "{{power.unit}}": The message uses {{power.unit}}, but "power" has no unit. Set the unit of the field in the config, or write the unit into the message.',
      ],
    ],
    [
      '{{ris.unit}}',
      [
        'unknown-name at "{{ris.unit}}": The message uses {{ris.unit}}, but there is no such name in this rule. Did you mean {{rise.unit}}?',
      ],
    ],
  ])('%s', (message, expected) => {
    expect(problemsOf(facts, { event: { type: 'r', params: { message } } })).toEqual(expected);
  });
});
