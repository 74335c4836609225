import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Script, setUp } from './kit.ts';

const changed = (fact: string, value = true) => ({ all: [{ fact, operator: 'changed', value }] });
const rule = (parts: object) => ({ name: 'r', stream: 'sensors', event: { type: 'r' }, ...parts });

/** Readings of `d1`, one per second from 1 s on. */
function readings(...all: readonly (readonly [device: string, fields: object] | object)[]): Script {
  const script = createScript();
  for (const each of all) {
    script.now += 1_000;
    const [device, fields] = Array.isArray(each) ? each : ['d1', each];
    script.reading(device, fields);
  }
  return script;
}

describe('changed', () => {
  it('compares a field with its value when the rule last looked at the key', () => {
    const script = readings({ mode: 'on' }, { mode: 'on' }, ['d2', { mode: 'off' }], { mode: 'off' }, { mode: 'off' }, [
      'd2',
      { mode: 'off' },
    ]);
    const result = play(setUp([rule({ conditions: changed('mode') })]), script);
    expect(changes(result, 'r')).toEqual(['firing 4000', 'resolved 5000']);
  });

  it('looks beyond readings that do not have the field, and beyond those that `where` leaves out', () => {
    const where = { all: [{ fact: 'temp', operator: 'notEqual', value: 0 }] };
    const watch = (...all: readonly object[]) => {
      const result = play(
        setUp([rule({ where, missing: 'undefined', conditions: changed('mode') })]),
        readings(...all),
      );
      return changes(result, 'r');
    };
    expect(watch({ mode: 'a' }, { temp: 1 }, { mode: 'a' }, { temp: 1 }, { mode: 'b' })).toEqual(['firing 5000']);
    expect(watch({ mode: 'a' }, { mode: 'b', temp: 0 }, { mode: 'a' })).toEqual([]);
  });

  it('does not look at a reading that is older than the last one of its key', () => {
    const script = readings({ mode: 'a' }, { mode: 'a' });
    script.reading('d1', { mode: 'b' }, { ahead: -1_500 });
    script.now += 1_000;
    script.reading('d1', { mode: 'a' });
    const result = play(setUp([rule({ conditions: changed('mode') })]), script);
    expect(changes(result, 'r')).toEqual([]);
    expect(result.counters.readings_out_of_order).toBe(1);
  });

  it('is unknown for the first reading, or false where facts without a value are undefined', () => {
    const script = readings({ mode: 'a' }, { mode: 'a' }, { mode: 'b' });
    const setup = setUp([
      rule({ conditions: changed('mode', false) }),
      { ...rule({ conditions: changed('mode', false), missing: 'undefined' }), name: 'u' },
      { ...rule({ conditions: { not: changed('mode') } }), name: 'n' },
      { ...rule({ conditions: changed('mode') }), name: 'c' },
    ]);
    const result = play(setup, script);
    expect(changes(result, 'r')).toEqual(['firing 2000', 'resolved 3000']);
    expect(changes(result, 'u')).toEqual(['firing 1000', 'resolved 3000']);
    expect(changes(result, 'n')).toEqual(['firing 2000', 'resolved 3000']);
    expect(changes(result, 'c')).toEqual(['firing 3000']);
  });

  it('compares the fact of a window with that of the window before', () => {
    const script = createScript();
    for (const [at, temp] of [
      [1, 5],
      [11, 5],
      [21, 6],
      [31, 6],
      [41, 0],
    ] as const) {
      script.now = at * 1_000;
      script.reading('d1', { temp });
    }
    const windowed = { window: { tumbling: '10s' }, facts: { peak: { max: 'temp' } }, conditions: changed('peak') };
    const result = play(setUp([rule(windowed)]), script);
    expect(changes(result, 'r')).toEqual(['firing 30000', 'resolved 40000']);
  });

  it('works over calculated facts, in levels and in clear, and shows the value that there is', () => {
    const script = readings({ temp: 1 }, { temp: 3 }, { temp: 2 }, { temp: 2.1 });
    const result = play(
      setUp([
        rule({
          facts: { whole: { round: { divide: ['temp', 2] } } },
          conditions: changed('whole'),
          clear: { all: [{ fact: 'whole', operator: 'not:changed', value: true }] },
        }),
      ]),
      script,
    );
    expect(changes(result, 'r')).toEqual(['firing 2000', 'resolved 4000']);
    const [firing] = result.events.filter(({ subject }) => subject.startsWith('weir.alerts'));
    expect(firing!.body.data.conditions).toEqual([
      { fact: 'whole', operator: 'changed', value: true, factValue: 2, result: true },
    ]);
  });
});

describe('shared conditions and lists', () => {
  it('decide as if they were written in the rule, and alerts show their comparisons', () => {
    const shared = {
      conditions: {
        isHot: { all: [{ fact: 'temp', operator: 'between', value: [45, 90] }] },
        alarming: { all: [{ condition: 'isHot' }, { fact: 'device', operator: 'inList', value: 'critical' }] },
      },
      lists: { critical: ['d1', 'd2'] },
    };
    const script = readings({ temp: 45 }, { temp: 91 }, ['d3', { temp: 50 }]);
    const result = play(setUp([rule({ conditions: { condition: 'alarming' } })], {}, shared), script);
    expect(changes(result, 'r')).toEqual(['firing 1000', 'resolved 2000']);
    const [firing] = result.events.filter(({ subject }) => subject.startsWith('weir.alerts'));
    expect(firing!.body.data.conditions).toEqual([
      { fact: 'temp', operator: 'between', value: [45, 90], factValue: 45, result: true },
      { fact: 'device', operator: 'inList', value: 'critical', factValue: 'd1', result: true },
    ]);
  });
});
