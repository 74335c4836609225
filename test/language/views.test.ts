import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../engine/language/compile/compile-plan.ts';
import { readStreams } from './streams.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const view = (name: string, more: object = {}) => ({
  name,
  stream: 'sensors',
  per: ['site', 'device'],
  window: { tumbling: '10s' },
  facts: {
    mean: { mean: 'temp' },
    mode: { last: 'mode' },
    open: { last: 'door' },
    bins: { histogram: 'temp', bounds: [1, 2] },
  },
  ...more,
});
const over = (stream: string, more: object = {}) => ({
  name: 'hot',
  stream,
  conditions: above('mean', 5),
  event: { type: 'hot' },
  ...more,
});

function compile(...rules: readonly { readonly name?: string }[]) {
  const parsed = rules.map((content, i): ParsedRule => {
    const { rule, document, problems } = parseRuleFile(`${content.name}-${i}.json`, JSON.stringify(content, null, 2));
    if (rule === undefined) throw new Error(problems.map(formatProblem).join('\n'));
    return { rule, document };
  });
  const { plan, problems } = compilePlan(readStreams(), parsed);
  return { plan, reported: problems.map(formatProblem) };
}

describe('a view', () => {
  it('is a stream of its facts, with the parts of its key as labels', () => {
    const { plan, reported } = compile(view('v'));
    expect(reported).toEqual([]);
    const stream = plan.streams.at(-1)!;
    expect(stream).toMatchObject({ name: 'v', origin: { kind: 'view', rule: 0 }, level: 1, graceMs: 10_000 });
    expect(stream.config.labels.map(({ name }) => name)).toEqual(['site', 'device']);
    expect(stream.config.fields.map(({ name, type, unit }) => [name, type, unit])).toEqual([
      ['mean', 'number', '°C'],
      ['mode', 'string', undefined],
      ['open', 'boolean', undefined],
      ['bins.0', 'number', undefined],
      ['bins.1', 'number', undefined],
      ['bins.2', 'number', undefined],
    ]);
  });

  it('comes before the rules over it, in any order of the files, and adds no level', () => {
    const rules = [over('b', { per: [] }), view('b', { stream: 'a', facts: { mean: { max: 'mean' } } }), view('a')];
    const { plan, reported } = compile(...rules);
    expect(reported).toEqual([]);
    expect(plan.rules.map(({ name }) => name)).toEqual(['hot', 'b', 'a']);
    expect(plan.rules.map(({ stream }) => plan.streams[stream]!.name)).toEqual(['b', 'a', 'sensors']);
    expect(plan.streams.slice(-2).map(({ name, level }) => [name, level])).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
    expect(plan.levels).toBe(3);
    expect(compile(...rules.slice(1)).plan.levels).toBe(2);
    expect(compile(view('a')).plan.levels).toBe(1);
  });

  it('changes the version of the rules over it, but not the other way round', () => {
    const versions = (mine: object, yours: object) =>
      compile(view('v', mine), over('v', yours)).plan.rules.map(({ version }) => version);
    const [a, hot] = versions({}, {});
    const [changed, hotToo] = versions({ window: { tumbling: '20s' } }, {});
    expect([changed === a, hotToo === hot]).toEqual([false, false]);
    const [same, other] = versions({}, { conditions: above('mean', 6) });
    expect([same === a, other === hot]).toEqual([true, false]);
    expect(versions({ description: 'other words' }, {})).toEqual([a, hot]);
  });

  it('groups the rules over it by its own keys, unless they have a `per`', () => {
    const pers = [{}, { per: ['site'] }, { per: ['device', 'site'] }].map(
      (more) => compile(view('v'), over('v', more)).plan.rules[1]!.keying,
    );
    expect(pers.map(({ per, byDevice }) => [...per, byDevice])).toEqual([
      ['site', 'device', true],
      ['site', false],
      ['device', 'site', false],
    ]);
  });
});

describe('a faulty view', () => {
  it.each([
    [
      'a stream that is none',
      [view('v'), over('w', { stream: 'vv' })],
      ['hot-1.json:3:13: error: There is no stream "vv". [unknown-stream]\n    Did you mean "v"?'],
    ],
    [
      'a fact that it has not',
      [view('v'), over('v', { conditions: above('mea', 5) })],
      [/hot-1.json:7:17: error: There is no fact "mea". \[unknown-fact\]\n {4}Did you mean "mean"\?/],
    ],
    [
      'a field of what it is made of',
      [view('v'), over('v', { conditions: above('temp', 5) })],
      [/There is no fact "temp"/],
    ],
    [
      'the device, where it does not group by it',
      [
        view('v', { per: ['site'] }),
        over('v', { conditions: { all: [{ fact: 'device', operator: 'equal', value: 'd1' }] } }),
      ],
      [/There is no fact "device"/],
    ],
    [
      'a label that it has not',
      [view('v', { per: ['site'] }), over('v', { per: ['device'] })],
      [/Stream "v" has no label "device"\. \[unknown-label\]\n {4}The stream has: site\./],
    ],
    [
      'silence',
      [view('v'), { name: 'gone', stream: 'v', silence: '60s', event: { type: 'gone' } }],
      [/gone-1.json:4:14: error: "v" is a view, but `silence` works only with devices. \[silence-of-view\]/],
    ],
    [
      'the name of a stream',
      [view('sensors'), over('sensors', { conditions: above('temp', 5) })],
      [
        'sensors-0.json:2:11: error: The config has a stream "sensors", and a view is a stream with the name of its rule. [duplicate-name]\n    Give the view another name.',
      ],
    ],
    [
      'one name for two',
      [view('v'), view('v', { window: { tumbling: '20s' } }), over('v')],
      [/v-1.json:2:11: error: The rule in v-0.json has the name "v" too. \[duplicate-name\]/],
    ],
    [
      'itself',
      [view('v', { stream: 'v' })],
      [/v-0.json:3:13: error: The view uses itself as its stream: v → v. \[view-circle\]/],
    ],
    [
      'a circle, and what is over it only there',
      [view('a', { stream: 'b' }), view('b', { stream: 'c' }), view('c', { stream: 'a' }), over('a')],
      [
        /a-0.json:3:13: error: These views use each other in a circle: a → b → c → a./,
        /b-1.json:3:13: error: These views use each other in a circle: b → c → a → b./,
        /c-2.json:3:13: error: These views use each other in a circle: c → a → b → c./,
      ],
    ],
    [
      'a view with an error, and what is over it only there',
      [view('a', { facts: { mean: { mean: 'tmp' } } }), view('b', { stream: 'a' }), over('b')],
      [/a-0.json:.*"tmp"/],
    ],
    [
      'an attribute',
      [view('v'), over('v', { conditions: { all: [{ fact: 'device.limit', operator: 'equal', value: 1 }] } })],
      [/device\.limit/],
    ],
  ] as const)('%s', (_what, rules, expected) => {
    const { reported } = compile(...rules);
    expect(reported).toEqual(expected.map((each) => (typeof each === 'string' ? each : expect.stringMatching(each))));
  });

  it('gives no problem for rules over it if its file could not be read', () => {
    const { rule, document } = parseRuleFile('hot.json', JSON.stringify(over('v')));
    const problemsWith = (unread: readonly string[]) =>
      compilePlan(readStreams(), [{ rule: rule!, document }], undefined, { unread }).problems.length;
    expect([problemsWith([]), problemsWith(['v'])]).toEqual([1, 0]);
  });
});
