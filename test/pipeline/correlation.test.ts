import { describe, expect, it } from 'vitest';
import { restore } from '../../engine/state/snapshot.ts';
import {
  changes,
  createScript,
  piecesOf,
  play,
  type Script,
  type Setup,
  START_AT,
  setUp,
  startFold,
  takeApart,
} from './kit.ts';

const above = (fact: string, value: number) => ({ fact, operator: 'greaterThan', value });
const SENSORS = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: { type: 'number', unit: '°C' } },
};
const DOORS = {
  topic: 'plant/{site}/{device}/door',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { open: 'boolean', level: { type: 'number', unit: '%' } },
};
const CONFIG = { streams: { sensors: SENSORS, doors: DOORS } };

const event = { type: 'x', params: { message: '{{key}}' } };
const WARM = {
  name: 'warm',
  stream: 'sensors',
  with: { stream: 'doors', last: '10m' },
  conditions: { all: [{ fact: 'doors.open', operator: 'equal', value: true }, above('temp', 8)] },
  event,
};
const BOTH = {
  name: 'both',
  stream: 'sensors',
  with: { stream: 'doors' },
  per: ['site'],
  window: { tumbling: '10s' },
  facts: { temp: { mean: 'temp' }, level: { mean: 'doors.level' } },
  conditions: { all: [above('temp', 8), above('level', 30)] },
  event,
};

function door(script: Script, device: string, fields: object, ahead = 0): void {
  script.message(`plant/north/${device}/door`, JSON.stringify({ ts: START_AT + script.now + ahead, ...fields }));
}

/** A door that opens, and a sensor that gets warm behind it. */
function warmUp(script: Script): void {
  door(script, 'd1', { open: true, level: 40 });
  script.now += 1_000;
  script.reading('d1', { temp: 9 });
}

function run(rules: readonly object[], send: (script: Script) => void) {
  const script = createScript();
  send(script);
  return play(setUp(rules, CONFIG), script);
}

/** What alerts say. */
function dataOf(result: ReturnType<typeof run>) {
  return result.events.filter(({ subject }) => subject.startsWith('weir.alerts')).map(({ body }) => body.data);
}

const at = (second: string) => `toDateTime64('2026-01-31 ${second}', 6, 'UTC')`;

describe('an alert over two streams', () => {
  it('names the rows of both: of the other those that may have been the last', () => {
    const result = run([WARM], warmUp);
    const [{ evidence }] = dataOf(result) as [{ evidence: Record<string, string> }];
    expect(evidence).toEqual({
      sql: `SELECT * FROM weir.sensors WHERE device = 'd1' AND time >= ${at('12:00:01.000')} AND time <= ${at('12:00:01.000')} ORDER BY time`,
      with: `SELECT * FROM weir.doors WHERE device = 'd1' AND time >= ${at('11:50:01.000')} AND time <= ${at('12:10:01.000')} ORDER BY time`,
      from: '2026-01-31T12:00:01.000Z',
      to: '2026-01-31T12:00:01.000Z',
    });
    expect(result.rows.alerts).toMatchObject([{ rule: 'warm', stream: 'sensors', key: 'd1', device: 'd1' }]);
  });

  it('names the rows of both that were in its window', () => {
    const [{ evidence, facts }] = dataOf(
      run([BOTH], (script) => {
        warmUp(script);
        script.tickUntil(15_000);
      }),
    ) as [{ evidence: Record<string, string>; facts: object }];
    expect(facts).toEqual({ site: 'north', temp: 9, level: 40 });
    const bounds = `\`site\` = 'north' AND time >= ${at('12:00:00.000')} AND time <= ${at('12:00:09.999999')} ORDER BY time`;
    expect(evidence.sql).toBe(`SELECT * FROM weir.sensors WHERE ${bounds}`);
    expect(evidence.with).toBe(`SELECT * FROM weir.doors WHERE ${bounds}`);
  });

  it('names the rows of a view by its name', () => {
    const view = { name: 'levels', stream: 'doors', window: { tumbling: '1s' }, facts: { mean: { mean: 'level' } } };
    const rule = { ...WARM, with: { stream: 'levels', last: '10m' }, conditions: { all: [above('levels.mean', 30)] } };
    const [{ evidence }] = dataOf(
      run([view, rule], (script) => {
        door(script, 'd1', { level: 40 });
        script.now = 1_000;
        door(script, 'd1', { level: 1 });
        script.reading('d1', { temp: 9 });
      }),
    ) as [{ evidence: Record<string, string> }];
    expect(evidence.with).toContain("FROM weir.facts WHERE rule = 'levels' AND key = 'd1'");
  });
});

describe('readings of two streams made one', () => {
  it('are no rows, and nobody counts them or their devices', () => {
    const send = (script: Script) => {
      for (let i = 0; i < 5; i++) {
        script.now += 1_000;
        door(script, i < 3 ? 'd1' : 'gate', { level: 5 * i });
        script.reading('d1', { temp: 7 + i });
        script.tick();
      }
    };
    const alone = run([], send);
    const both = run([WARM, BOTH], send);
    for (const table of ['sensors', 'doors', 'devices', 'dead_letters']) {
      expect(both.rows[table]).toEqual(alone.rows[table]);
    }
    expect(both.counters.readings).toBe(10);
    expect(both.batches.map(({ table }) => table).filter((table) => table !== 'alerts')).toEqual(
      alone.batches.map(({ table }) => table),
    );
  });

  it('that are late do not mark the rows they come from, nor the other way around', () => {
    const own = {
      ...BOTH,
      name: 'own',
      with: undefined,
      per: ['device'],
      facts: { temp: { mean: 'temp' } },
      conditions: { all: [above('temp', 8)] },
    };
    const send = (script: Script) => {
      script.now = 20_000;
      script.reading('d1', { temp: 1 });
      door(script, 'd1', { level: 1 });
      script.reading('d1', { temp: 2 }, { ahead: -15_000 });
      door(script, 'd1', { level: 2 }, -15_000);
    };
    const late = (rules: readonly object[]) => {
      const { rows, counters } = run(rules, send);
      return [rows.sensors!.map((row) => row.late), rows.doors!.map((row) => row.late), counters.readings_late];
    };
    expect(late([{ ...BOTH, per: ['device'] }])).toEqual([[false, false], [false, false], 2]);
    expect(late([own])).toEqual([[false, true], [false, false], 1]);
    expect(late([own, { ...BOTH, per: ['device'], window: { tumbling: '1h' } }])).toEqual([
      [false, true],
      [false, false],
      1,
    ]);
  });

  it('that only one rule of a thousand may concern are found by the index', () => {
    const rules = Array.from({ length: 300 }, (_, i) => ({
      ...WARM,
      name: `at-${i}`,
      conditions: { all: [{ fact: 'doors.level', operator: 'equal', value: i }, above('temp', 8)] },
    }));
    const result = run(rules, warmUp);
    expect(result.rows.alerts!.map((row) => row.rule)).toEqual(['at-40']);
  });
});

describe('what is known of the other stream', () => {
  /** Continues from a checkpoint after the door's reading, with another setup, and returns what the alert says then. */
  function resume(before: Setup, after: Setup): { dropped: readonly string[]; alerts: string[] } {
    const script = createScript();
    door(script, 'd1', { open: true, level: 40 });
    const first = startFold(before);
    first.feed(script.records);
    const checkpoint = first.checkpoint();
    const done = script.records.length;
    script.now = 1_000;
    script.reading('d1', { temp: 9 });
    script.mark('cut');
    const second = startFold(after, checkpoint);
    second.feed(script.records.slice(done));
    const { dropped } = restore(after.plan, ['mqtt'], piecesOf(checkpoint));
    return { dropped, alerts: changes(takeApart(after, second.outputs), 'warm') };
  }

  const setup = setUp([WARM], CONFIG);

  it('comes back with a checkpoint', () => {
    expect(resume(setup, setup)).toEqual({ dropped: [], alerts: ['firing 1000'] });
  });

  it('is kept where the rule changes, but not what is asked of the other stream', () => {
    const changed = setUp([{ ...WARM, conditions: { all: [above('doors.level', 30)] } }], CONFIG);
    expect(resume(setup, changed)).toEqual({ dropped: ['rule warm'], alerts: ['firing 1000'] });
  });

  it.each<[string, Setup, string[]]>([
    [
      'another `last`',
      setUp([{ ...WARM, with: { stream: 'doors', last: '20m' } }], CONFIG),
      ['rule warm', 'stream sensors with doors (last 10m per device)'],
    ],
    [
      'another key',
      setUp([{ ...WARM, per: ['site'] }], CONFIG),
      ['rule warm', 'stream sensors with doors (last 10m per device)'],
    ],
    [
      'a field in front of the others',
      setUp([WARM], {
        streams: { sensors: SENSORS, doors: { ...DOORS, fields: { width: 'number', ...DOORS.fields } } },
      }),
      ['last known values of sensors with doors (last 10m per device)'],
    ],
    [
      'a field of another type',
      setUp([WARM], {
        streams: { sensors: SENSORS, doors: { ...DOORS, fields: { ...DOORS.fields, level: 'string' } } },
      }),
      ['last known values of sensors with doors (last 10m per device)'],
    ],
  ])('is not taken for something else after %s', (_, changed, dropped) => {
    expect(resume(setup, changed)).toEqual({ dropped, alerts: [] });
  });

  it('is not taken over from a view that means something else by now', () => {
    const view = (more: object) => ({
      name: 'levels',
      stream: 'doors',
      facts: { twice: { multiply: ['level', 2] } },
      ...more,
    });
    const rule = { ...WARM, with: { stream: 'levels', last: '10m' }, conditions: { all: [above('levels.twice', 30)] } };
    const before = setUp([view({}), rule], CONFIG);
    expect(resume(before, before)).toEqual({ dropped: [], alerts: ['firing 1000'] });
    const after = setUp([view({ facts: { twice: { multiply: ['level', 20] } } }), rule], CONFIG);
    const { dropped, alerts } = resume(before, after);
    expect(dropped).toContain('last known values of sensors with levels (last 10m per device)');
    expect(alerts).toEqual([]);
  });

  it('is forgotten when nothing can ask for it any more, and the rest is not', () => {
    const fold = startFold(setup);
    const known = () => [
      ...fold.state.streams.find(({ lastKnown }) => lastKnown.byKey.size > 0)!.lastKnown.byKey.keys(),
    ];
    const script = createScript();
    const feed = () => fold.feed(script.records.splice(0));
    for (let i = 0; i < 3; i++) door(script, `d${i}`, { level: i });
    script.tickUntil(3_600_000);
    door(script, 'd1', { level: 1 });
    feed();
    expect(known()).toEqual(['d0', 'd1', 'd2']);
    script.tickUntil(3_600_000 + 660_000);
    feed();
    expect(known()).toEqual(['d1']);
  });
});
