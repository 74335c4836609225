import { describe, expect, it } from 'vitest';
import { changes, createScript, piecesOf, play, START_AT, setUp, startFold, takeApart } from './kit.ts';

const CONFIG = { attributes: { bucket: 'weir_attributes' } };
const over = (fact: string) => ({ fact, operator: 'greaterThan', value: { fact: 'device.limits.temp' } });
const HOT = { name: 'hot', stream: 'sensors', conditions: { all: [over('temp')] }, event: { type: 'hot' } };
const MEAN = {
  ...HOT,
  name: 'mean',
  window: { tumbling: '2s' },
  facts: { mean: { mean: 'temp' } },
  conditions: { all: [over('mean')] },
};

describe('attributes of devices', () => {
  it('are among the facts and conditions of the alert', () => {
    const event = { type: 'hot', params: { message: '{{temp}} is over {{device.limits.temp}} ({{device.model}})' } };
    const script = createScript();
    script.attributes('d1', { limits: { temp: 50 }, model: 'X' });
    script.reading('d1', { temp: 51 });
    const { events } = play(setUp([{ ...HOT, event }], CONFIG), script);
    const { data } = events.find(({ subject }) => subject.startsWith('weir.alerts.'))!.body;
    expect(data.message).toBe('51 is over 50 (X)');
    expect(data.facts).toMatchObject({ temp: 51, 'device.limits.temp': 50, 'device.model': 'X' });
    expect(data.conditions).toEqual([
      { fact: 'temp', operator: 'greaterThan', value: 50, factValue: 51, result: true },
    ]);
  });

  it('are found again behind a checkpoint by a rule that asks for others', () => {
    const before = startFold(setUp([HOT, MEAN], CONFIG));
    const script = createScript();
    script.attributes('d1', { limits: { temp: 50, low: 5 } });
    script.attributes('d2', { limits: { low: 5 } });
    script.attributes('d2', undefined);
    script.mark('cut');
    before.feed(script.records);
    const low = { fact: 'temp', operator: 'lessThan', value: { fact: 'device.limits.low' } };
    const closedLow = { ...MEAN, conditions: { all: [{ ...low, fact: 'mean' }] } };
    const setup = setUp([{ ...HOT, conditions: { all: [low] } }, closedLow], CONFIG);
    const after = startFold(setup, before.checkpoint());
    const from = script.records.length;
    for (const device of ['d1', 'd2']) script.reading(device, { temp: 4 });
    script.now = 2_000;
    for (const device of ['d1', 'd2']) script.reading(device, { temp: 6 });
    script.mark('cut');
    after.feed(script.records.slice(from));
    const result = takeApart(setup, after.outputs);
    expect(changes(result, 'hot', 'd1')).toEqual(['firing 0', 'resolved 2000']);
    expect(changes(result, 'mean', 'd1')).toEqual(['firing 2000']);
    expect(changes(result, 'hot', 'd2')).toEqual([]);
  });

  it('are none after a checkpoint of a version that had none', () => {
    const setup = setUp([HOT], CONFIG);
    const [[, head]] = piecesOf(startFold(setup).checkpoint()) as [['head', object]];
    const { state } = startFold(setup, JSON.stringify({ ...head, streams: {} }));
    expect(state.attributes.ofReadings.size).toBe(0);
  });

  it('are kept once where no closed window asks for them, and read where a rule of the stream does', () => {
    const script = createScript();
    script.attributes('d1', { limits: { temp: 50 } });
    const sizes = [[HOT], [MEAN], []].map((rules) => {
      const { state, feed } = startFold(setUp(rules, CONFIG));
      feed(script.records);
      const { ofReadings, ofClosed } = state.attributes;
      expect(ofReadings.get('d1')).toMatchObject({ text: '{"limits":{"temp":50}}' });
      return [ofReadings.size, ofClosed[0]?.size, ofReadings.get('d1')!.values.length];
    });
    expect(sizes).toEqual([
      [1, undefined, 1],
      [1, 1, 1],
      [1, undefined, 0],
    ]);
  });

  it('change nothing before the record that says so, and nothing in windows that have closed', () => {
    const script = createScript();
    script.attributes('d1', { limits: { temp: 10 } });
    script.reading('d1', { temp: 5 });
    script.now = 2_000;
    script.reading('d1', { temp: 5 });
    script.attributes('d1', { limits: { temp: 1 } });
    script.now = 4_000;
    script.reading('d1', { temp: 5 });
    const result = play(setUp([MEAN, HOT], CONFIG), script);
    expect(changes(result, 'mean')).toEqual(['firing 4000']);
    expect(changes(result, 'hot')).toEqual(['firing 4000']);
    expect(result.rows.sensors!.map(({ time }) => (time as number) - START_AT)).toEqual([0, 2_000, 4_000]);
  });
});
