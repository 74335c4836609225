import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Script, START_AT, setUp } from './kit.ts';

const mode = (value: string) => ({ all: [{ fact: 'mode', operator: 'equal', value }] });
// biome-ignore lint/suspicious/noThenProperty: the word that authors of rules write.
const then = (condition: object, within?: string) => ({ then: condition, ...(within !== undefined && { within }) });
const not = (condition: object, within?: string) => ({ not: condition, ...(within !== undefined && { within }) });
const ruleOf = (sequence: readonly object[], more: object = {}) => ({
  ...{ name: 'steps', stream: 'sensors', sequence, event: { type: 'test', params: { message: '{{duration}} s' } } },
  ...more,
});

function send(script: Script, sent: readonly (readonly [at: number, mode: string, ahead?: number])[]): void {
  for (const [at, mode, ahead = 0] of sent) {
    script.now = at;
    script.reading('d1', { mode }, { ahead });
  }
}

describe('a rule over a sequence', () => {
  it('reports what it saw: facts, steps, the readings from the first to the last', () => {
    const script = createScript();
    send(script, [
      [1_000, 'a'],
      [2_000.5, 'x'],
      [3_000, 'b'],
      [4_000, 'x'],
      [5_000, 'x'],
    ]);
    const result = play(setUp([ruleOf([mode('a'), then(mode('b'), '5s')])]), script);
    expect(changes(result, 'steps')).toEqual(['firing 3000', 'resolved 4000']);
    const [firing, resolved] = result.rows.alerts!;
    expect(firing).toMatchObject({ evidence_from: START_AT + 1_000, evidence_to: START_AT + 3_000 });
    expect(firing!.facts).toMatchObject({ duration: '2' });
    expect(JSON.parse(firing!.conditions as string)).toEqual([
      {
        fact: 'sequence[0]',
        operator: 'first',
        value: mode('a'),
        factValue: '2026-01-31T12:00:01.000Z',
        result: true,
      },
      {
        fact: 'sequence[1]',
        operator: 'then',
        value: then(mode('b'), '5s'),
        factValue: '2026-01-31T12:00:03.000Z',
        result: true,
      },
    ]);
    expect(resolved).toMatchObject({ evidence_from: START_AT + 4_000, evidence_to: START_AT + 4_000 });
    const alerts = result.events.filter(({ body }) => body.type.startsWith('weir.alert.'));
    expect(alerts.map(({ body }) => body.data.message)).toEqual(['2 s', '2 s']);
    // The match, and the one reading behind it that anybody wants to know of.
    expect(result.counters.windows_closed).toBe(2);
  });

  it('ends with a closing absence before the instant at which its time is over', () => {
    const script = createScript();
    send(script, [
      [1_000, 'a'],
      [11_000, 'b'],
    ]);
    const result = play(setUp([ruleOf([mode('a'), not(mode('b'), '10s')])]), script);
    expect(changes(result, 'steps')).toEqual(['firing 11000', 'resolved 11000.001']);
    expect(result.rows.alerts).toMatchObject([
      { evidence_from: START_AT + 1_000, evidence_to: START_AT + 10_999.999 },
      { evidence_from: START_AT + 11_000, evidence_to: START_AT + 11_000 },
    ]);
  });

  it('costs no outcome where nothing was completed', () => {
    const script = createScript();
    send(
      script,
      Array.from({ length: 50 }, (_, i) => [i * 100, 'xac'[i % 3]!] as const),
    );
    const result = play(setUp([ruleOf([mode('a'), then(mode('b'))])]), script);
    expect(result.counters.windows_closed).toBe(0);
  });

  it('marks as late what would have been a step in time, and nothing else', () => {
    const script = createScript();
    send(script, [
      [1_000, 'a'],
      [3_000, 'x'],
      [3_100, 'b', -1_000],
      [3_200, 'x', -1_000],
      [3_300, 'a', -2_000],
    ]);
    const result = play(setUp([ruleOf([mode('a'), then(mode('b'))])]), script);
    expect(result.rows.sensors!.map(({ late }) => late)).toEqual([false, false, true, false, true]);
    expect(result.counters.readings_late).toBe(2);
    expect(changes(result, 'steps')).toEqual([]);
  });

  it('begins for each device by itself, however many rules there are', () => {
    const script = createScript();
    const names = Array.from({ length: 40 }, (_, i) => `m${i}`);
    const rules = names.map((name) => ruleOf([mode(name), then(mode('end'), '1m')], { name }));
    for (const [i, name] of names.entries()) {
      script.now = 1_000 + i;
      script.reading(`d${i % 3}`, { mode: name });
    }
    script.now = 10_000;
    script.reading('d1', { mode: 'end' });
    const result = play(setUp(rules), script);
    const fired = result.rows.alerts!.map(({ rule, key, state }) => `${rule} ${key} ${state}`);
    expect(fired).toEqual(names.flatMap((name, i) => (i % 3 === 1 ? [`${name} d1 firing`] : [])));
  });
});
