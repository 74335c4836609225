import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { createScript, type Output, type Script, type Setup, START_AT, setUp, startFold, takeApart } from './kit.ts';
import type { Row } from './rows.ts';
import { createBusySetup, scripts } from './samples.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

const hot = (more: object = {}) => ({
  name: 'hot',
  stream: 'sensors',
  conditions: above('temp', 10),
  event: { type: 'hot', params: { severity: 'critical', message: '{{device}} has {{temp}}', team: 'cooling' } },
  ...more,
});
const OTHER = { ...hot({ per: ['site'] }), name: 'other', conditions: above('temp', 1_000) };

const RELABELLED = {
  topic: 'plant/{hall}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number' },
};

/** Continues with its own records after a checkpoint, with other rules. */
interface Restart {
  /** The records up to the checkpoint. */
  readonly before: Script;
  /** What is published until then, and from then on. */
  readonly old: readonly Output[];
  readonly outputs: readonly Output[];
  readonly checkpoint: string;
}

/** Folds a script, restarts under another setup, and folds on with what `more` writes. */
function restart(from: Setup, before: Script, to: Setup, more: (script: Script) => void): Restart {
  before.mark('cut');
  const old = startFold(from);
  old.feed(before.records);
  const checkpoint = old.checkpoint();
  const after = before.records.length;
  more(before);
  before.mark('cut');
  const fold = startFold(to, checkpoint);
  fold.feed(before.records.slice(after));
  return { before, old: old.outputs, outputs: fold.outputs, checkpoint };
}

function alertsOf(setup: Setup, outputs: readonly Output[]) {
  const { rows, events } = takeApart(setup, outputs);
  return { rows: rows.alerts!, events: events.filter(({ subject }) => subject.startsWith('weir.alerts.')) };
}

/** What the KV of open alerts holds in the end: keys and the types of their events. */
function openInKv(outputs: readonly Output[]): Record<string, string> {
  const open: Record<string, string> = {};
  for (const output of outputs) {
    if (output.kind !== 'event' || output.kv?.bucket !== 'weir_alerts_open') continue;
    if (output.kv.value === null) delete open[output.kv.key];
    else open[output.kv.key] = JSON.parse(output.kv.value).type;
  }
  return open;
}

/** What the view `open_alerts` shows: the rules and keys whose row of the latest time, and of those the highest offset, fires. */
function openInView(rows: readonly Row[]): string[] {
  const latest = new Map<string, Row>();
  for (const row of rows) {
    const id = `${row.rule} ${row.key}`;
    const known = latest.get(id);
    const later = known === undefined ? 1 : Number(row.time) - Number(known.time);
    if (later > 0 || (later === 0 && Number(row.offset) >= Number(known!.offset))) latest.set(id, row);
  }
  return [...latest].filter(([, { state }]) => state === 'firing').map(([id]) => id);
}

function fire(...devices: readonly string[]): Script {
  const script = createScript();
  script.tick();
  script.now = 500;
  for (const device of devices) script.reading(device, { temp: 20 });
  script.tickUntil(2_000);
  return script;
}

const begin = (script: Script) => {
  script.now = 60_000;
  script.mark('started');
  script.mark('connected', 0);
};

describe('an alert that fires', () => {
  it.each([
    ['rule-changed', 'whose rule is changed', [hot({ conditions: above('temp', 11) }), OTHER], 'changed'],
    ['rule-removed', 'whose rule is removed', [OTHER], 'removed'],
  ])('is resolved with the reason %s, %s', (reason, _what, rules, word) => {
    const setup = setUp([hot()]);
    const { version } = setup.plan.rules[0]!;
    const { old, outputs, before } = restart(setup, fire('d1', 'd2'), setUp(rules), begin);
    expect(openInKv(old)).toEqual({ 'hot.d1': 'weir.alert.firing', 'hot.d2': 'weir.alert.firing' });
    const { rows, events } = alertsOf(setup, outputs);
    const started = before.records.find(({ at }) => at === START_AT + 60_000)!;
    const common = { severity: 'critical', since: START_AT + 500, facts: {}, reason, stream: 'sensors' };
    expect(rows).toMatchObject(
      ['d1', 'd2'].map((device) => ({
        ...common,
        rule: 'hot',
        version,
        key: device,
        device,
        from_state: 'firing',
        state: 'resolved',
        time: started.at,
        offset: String(started.offset),
        message: `hot: ${device} fired when the rule was ${word}`,
      })),
    );
    expect(events.map(({ subject, id }) => [subject, id])).toEqual(
      rows.map((row) => [`weir.alerts.critical.hot.${row.key}`, row.id]),
    );
    expect(events[0]!.body).toMatchObject({
      type: 'weir.alert.resolved',
      data: {
        rule: 'hot',
        version,
        type: 'hot',
        state: 'resolved',
        from: 'firing',
        reason,
        key: 'd1',
        keyParts: { device: 'd1' },
        durationMs: 59_500,
        params: { team: 'cooling' },
        message: `hot: d1 fired when the rule was ${word}`,
      },
    });
    expect(openInKv([...old, ...outputs])).toEqual({});
    expect(openInView([...alertsOf(setup, old).rows, ...rows])).toEqual([]);
  });

  it('is resolved where its stream is gone, with the stream it was of', () => {
    const setup = setUp([hot({ per: ['site', 'device'] })]);
    const to = setUp([], {
      streams: { meters: { topic: 'meters/{device}', format: 'json', fields: { power: 'number' } } },
    });
    const { old, outputs } = restart(setup, fire('d1'), to, begin);
    const { rows, events } = alertsOf(to, outputs);
    expect(rows).toMatchObject([{ stream: 'sensors', key: 'north|d1', device: 'd1', reason: 'rule-removed' }]);
    expect(events[0]!.body.data).toMatchObject({ keyParts: { site: 'north', device: 'd1' } });
    expect(events[0]!.body.data.evidence.sql).toContain('FROM weir.sensors ');
    expect(openInKv([...old, ...outputs])).toEqual({});
  });

  it('is resolved where the labels of its stream are others, though its rule is the same', () => {
    const setup = setUp([hot()]);
    const { topic, ...stream } = { topic: 'plant/{hall}/{device}/data', format: 'json', fields: { temp: 'number' } };
    const to = setUp([hot()], { streams: { sensors: { topic, ...stream } } });
    expect(to.plan.rules[0]!.version).toBe(setup.plan.rules[0]!.version);
    const { rows } = alertsOf(to, restart(setup, fire('d1'), to, begin).outputs);
    expect(rows).toMatchObject([{ key: 'd1', state: 'resolved', reason: 'rule-changed' }]);
  });

  it('continues where neither has changed', () => {
    const setup = setUp([hot()]);
    const to = setUp([hot({ description: 'Too hot.' }), OTHER]);
    const { old, outputs } = restart(setup, fire('d1'), to, begin);
    expect(alertsOf(to, outputs).rows).toEqual([]);
    expect(openInKv([...old, ...outputs])).toEqual({ 'hot.d1': 'weir.alert.firing' });
  });

  it('is over before its rule, as it is now, fires for the same key', () => {
    const changed = setUp([
      hot({ window: { tumbling: '1s' }, facts: { temp: { max: 'temp' } } }),
      hot({ name: 'new' }),
    ]);
    const setup = setUp([hot({ conditions: above('temp', 12) })]);
    for (const to of [setUp([hot()]), changed]) {
      const { old, outputs } = restart(setup, fire('d1'), to, (script) => {
        for (const at of [3_100, 4_100]) {
          script.now = at;
          script.reading('d1', { temp: 20 });
        }
      });
      const { rows } = alertsOf(to, outputs);
      const own = rows.filter(({ rule }) => rule === 'hot').map(({ state, reason }) => `${state} ${reason}`);
      expect(own).toEqual(['resolved rule-changed', 'firing ']);
      expect(rows[0]!.state).toBe('resolved');
      expect(openInKv([...old, ...outputs])).toMatchObject({ 'hot.d1': 'weir.alert.firing' });
    }
  });

  it.each([
    ['', {}, hot({ conditions: above('temp', 11) }), {}],
    ['of a group, ', { per: ['site'] }, hot({ per: ['site'], conditions: above('temp', 11) }), {}],
    ['whose stream has other labels, ', {}, hot(), { streams: { sensors: RELABELLED } }],
  ])(
    '%sis over before its rule fires again for a reading that is older than the change',
    (_what, more, now, config) => {
      const [setup, to] = [setUp([hot(more)]), setUp([now], config)];
      const { old, outputs } = restart(setup, fire('d1'), to, (script) => {
        begin(script);
        // It waited at the broker.
        script.reading('d1', { temp: 30 }, { ahead: -30_000 });
        script.mark('cut');
      });
      const rows = [...alertsOf(setup, old).rows, ...alertsOf(to, outputs).rows];
      expect(rows.map(({ state, time }) => `${state} ${Number(time) - START_AT}`)).toEqual([
        'firing 500',
        'resolved 60000',
        'firing 60000',
      ]);
      expect(openInView(rows)).toHaveLength(1);
      expect(Object.keys(openInKv([...old, ...outputs]))).toHaveLength(1);
    },
  );

  it('is over before its rule fires again by the same record', () => {
    const [setup, to] = [setUp([hot()]), setUp([hot({ conditions: above('temp', 11) })])];
    const { old, outputs } = restart(setup, fire('d1'), to, (script) => {
      script.now = 60_000;
      script.reading('d1', { temp: 30 });
    });
    const rows = [...alertsOf(setup, old).rows, ...alertsOf(to, outputs).rows];
    expect(rows.map(({ state, time }) => `${state} ${Math.round((Number(time) - START_AT) * 1_000)}`)).toEqual([
      'firing 500000',
      'resolved 60000000',
      'firing 60000001',
    ]);
    expect(openInView(rows)).toHaveLength(1);
  });

  it('does not fire again before it last changed, though it had ended when its rule was changed', () => {
    const script = fire('d1');
    script.reading('d2', { temp: 1 }, { ahead: 40_000 });
    script.reading('d2', { temp: 1 }, { ahead: 40_000 });
    const [setup, to] = [
      setUp([hot({ per: ['site'] })]),
      setUp([hot({ per: ['site'], conditions: above('temp', 11) })]),
    ];
    const { old, outputs } = restart(setup, script, to, (more) => more.reading('d1', { temp: 30 }));
    const rows = [...alertsOf(setup, old).rows, ...alertsOf(to, outputs).rows];
    expect(rows.map(({ state, time }) => `${state} ${Number(time) - START_AT}`)).toEqual([
      'firing 500',
      'resolved 42000',
      'firing 42000',
    ]);
    expect(openInView(rows)).toEqual(['hot north']);
  });

  it('does not end before it began, whatever the clock of its device says', () => {
    const script = createScript();
    for (const at of [0, 5_000]) {
      script.now = at;
      script.reading('d1', { temp: 20 }, { ahead: 200_000 });
    }
    const setup = setUp([hot({ for: '5s' })]);
    const { old, outputs } = restart(setup, script, setUp([]), begin);
    const rows = [...alertsOf(setup, old).rows, ...alertsOf(setup, outputs).rows];
    expect(rows.map(({ state, time }) => `${state} ${Number(time) - START_AT}`)).toEqual([
      'pending 200000',
      'firing 205000',
      'resolved 205000',
    ]);
    expect(openInView(rows)).toEqual([]);
  });

  it('has the severity that it had, and what is known of its last outcome', () => {
    const { conditions: _conditions, ...rest } = hot({ repeat: '1h' });
    const levels = [
      { severity: 'info', conditions: above('temp', 10) },
      { severity: 'critical', conditions: above('temp', 15) },
    ];
    const setup = setUp([{ ...rest, event: { type: 'hot' }, levels }]);
    const { outputs } = restart(setup, fire('d1'), setUp([]), begin);
    const [event] = alertsOf(setup, outputs).events;
    expect(event!.subject).toBe('weir.alerts.critical.hot.d1');
    expect(event!.body.data).toMatchObject({ severity: 'critical', facts: { temp: 20 }, reason: 'rule-removed' });
    expect(event!.body.data.conditions).toContainEqual(expect.objectContaining({ severity: 'critical', result: true }));
  });
});

describe('an alert that is pending', () => {
  it('falls back, which is only in its table', () => {
    const setup = setUp([hot({ for: '1h' })]);
    const { outputs } = restart(setup, fire('d1'), setUp([OTHER]), begin);
    const { rows, events } = alertsOf(setup, outputs);
    expect(rows).toMatchObject([
      { from_state: 'pending', state: 'inactive', reason: 'rule-removed', message: expect.stringContaining('pending') },
    ]);
    expect(events).toEqual([]);
  });
});

describe('an alert whose beginning was held back', () => {
  it('ends as quietly as it began', () => {
    const setup = setUp([hot({ limit: { alerts: 1, per: '1m' } })]);
    const { old, outputs } = restart(setup, fire('d1', 'd2'), setUp([]), begin);
    const told = outputs.flatMap((output) =>
      output.kind === 'event' ? [[output.kv?.key, output.quiet === true]] : [],
    );
    expect(told).toEqual([
      ['hot.d1', false],
      ['hot.d2', true],
    ]);
    expect(alertsOf(setup, outputs).rows.map(({ suppressed }) => suppressed)).toEqual(['', 'limit']);
    expect(openInKv([...old, ...outputs])).toEqual({});
  });
});

describe('an alert that flaps', () => {
  it.each([
    ['and fires', [20, 1, 20], 'transition'],
    ['and does not fire', [20, 1, 20, 1], 'notice'],
  ])('%s is open until then, and no longer', (_what, temps, kind) => {
    const script = createScript();
    script.tick();
    for (const temp of temps) {
      script.now += 100;
      script.reading('d1', { temp });
    }
    const setup = setUp([hot({ flapping: { changes: 3, within: '1m' } })]);
    const { old, outputs } = restart(setup, script, setUp([]), begin);
    expect(openInKv(old)).toEqual({ 'hot.d1': 'weir.alert.flapping' });
    const { rows, events } = alertsOf(setup, outputs);
    expect(events.map(({ body }) => [body.type, body.data.reason])).toEqual([['weir.alert.resolved', 'rule-removed']]);
    expect(rows.length).toBe(kind === 'transition' ? 1 : 0);
    expect(openInKv([...old, ...outputs])).toEqual({});
  });
});

describe('the end of alerts whose rules have changed', () => {
  const setup = createBusySetup();
  const bare: Setup = { ...setup, plan: compilePlan(setup.config.streams, []).plan };
  /** Events about a changed rule, by id. */
  const reasonsOf = (outputs: readonly Output[]) =>
    outputs.flatMap((output) => (output.kind === 'event' && output.body.includes('"rule-removed"') ? [output.id] : []));
  const isEvent = ({ kind }: Output) => kind === 'event';
  /** A fold from a checkpoint; `each` record alone, or all at once. */
  const goOn = (checkpoint: string, records: readonly JournalRecord[], each = false) => {
    const fold = startFold(bare, checkpoint);
    if (each) for (const record of records) fold.feed([record]);
    else fold.feed(records);
    return fold;
  };

  it('leaves none of them open, whatever has happened, and is published once: also after a crash right after it', () => {
    const seen = { open: 0, told: 0 };
    fc.assert(
      fc.property(scripts, fc.nat(), ({ records }, pick) => {
        const cuts = records.flatMap((record, i) => (record.kind === 'mark' && record.mark === 'cut' ? [i + 1] : []));
        const after = cuts[pick % cuts.length]!;
        const before = startFold(setup);
        before.feed(records.slice(0, after));
        const checkpoint = before.checkpoint();
        const offset = records.at(-1)!.offset + 1;
        const { at } = records.at(-1)!;
        const tail: JournalRecord[] = [
          ...records.slice(after),
          { kind: 'mark', offset, at, mark: 'started', connection: -1 },
          { kind: 'mark', offset: offset + 1, at, mark: 'cut', connection: -1 },
        ];
        const first = goOn(checkpoint, tail);
        const all = [...before.outputs, ...first.outputs];
        expect(openInKv(all)).toEqual({});
        const last = new Map<string, Row>();
        for (const row of alertsOf(setup, all).rows) {
          const id = `${row.rule} ${row.key}`;
          const before = last.get(id);
          last.set(id, row);
          if (!String(row.reason).startsWith('rule-')) continue;
          expect(Number(row.time)).toBeGreaterThanOrEqual(Number(before!.time));
          expect([before!.state, row.state]).toEqual([
            row.from_state,
            row.from_state === 'firing' ? 'resolved' : 'inactive',
          ]);
        }
        for (const { state } of last.values()) expect(['inactive', 'resolved']).toContain(state);

        // All of them end with one record, the first that has a consequence: what is redriven has none of its own, and neither has a reading
        // that came before. A start that crashed right behind it has published all of it; the next one publishes the same.
        const eventsUpTo = (end: number) => goOn(checkpoint, tail.slice(0, end)).outputs.filter(isEvent);
        const begun = tail.findIndex((_, i) => reasonsOf(eventsUpTo(i + 1)).length > 0) + 1;
        const crashed = eventsUpTo(begun);
        expect(first.outputs.filter(isEvent).slice(0, crashed.length)).toEqual(crashed);
        expect(reasonsOf(crashed)).toEqual(reasonsOf(first.outputs));
        expect(goOn(checkpoint, tail, true).outputs).toEqual(first.outputs);
        // A checkpoint of a start that has seen nothing yet holds them still; a later one does not.
        expect(goOn(startFold(bare, checkpoint).checkpoint(), tail).outputs).toEqual(first.outputs);
        const later = goOn(first.checkpoint(), [{ kind: 'tick', offset: offset + 2, at: at + 1_000 }]);
        expect(later.outputs.filter(isEvent)).toEqual([]);
        seen.open += Object.keys(openInKv(before.outputs)).length;
        seen.told += alertsOf(setup, first.outputs).rows.length;
      }),
      { numRuns: 40 },
    );
    expect(seen.open).toBeGreaterThan(30);
    expect(seen.told).toBeGreaterThan(seen.open / 2);
  });
});
