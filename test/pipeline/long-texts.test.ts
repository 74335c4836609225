import { expect, it } from 'vitest';
import { MAX_EVENT_BYTES } from '../../engine/delivery/cloud-event.ts';
import { createScript, play, setUp } from './kit.ts';

const STREAM = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { mode: 'string' },
  limits: { bytes: '16MB' },
};
/** Texts of an alert that together are longer than a string may be. */
const LONG = {
  name: 'long',
  stream: 'sensors',
  conditions: {
    all: Array.from({ length: 100 }, (_, i) => ({ fact: 'mode', operator: 'notEqual', value: `m${i}` })),
  },
  event: { type: 'long', params: { message: '{{mode}}'.repeat(100) } },
};

const isCut = (text: string) => text.startsWith('\u0001') && text.endsWith('\u0001…');

it('an alert over a very long text has it whole in its stream, and cut in its event and in the table of alerts', () => {
  const text = '\u0001'.repeat(2_000_000);
  const script = createScript();
  script.now = 1_000;
  script.reading('d1', { mode: text });
  script.reading('d2', { mode: 'short' });
  const { rows, events: all } = play(setUp([LONG], { streams: { sensors: STREAM } }), script);
  expect(rows.sensors!.map(({ mode }) => String(mode).length)).toEqual([2_000_000, 5]);
  const [long, short] = rows.alerts!;
  expect(short).toMatchObject({ message: 'short'.repeat(100), facts: { mode: '"short"' } });
  const fact = JSON.parse((long!.facts as { mode: string }).mode) as string;
  expect(isCut(fact)).toBe(true);
  expect(fact.length).toBeGreaterThan(170_000);
  const conditions = JSON.parse(String(long!.conditions)) as { factValue: string }[];
  expect(conditions).toHaveLength(100);
  for (const { factValue } of conditions) expect(isCut(factValue) && factValue.length < 700).toBe(true);
  expect(String(long!.message).length).toBeLessThan(100 * 700);
  const events = all.filter(({ body }) => body.type === 'weir.alert.firing');
  expect(events.map(({ body }) => body.subject)).toEqual(['d1', 'd2']);
  for (const { body } of events) expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThanOrEqual(MAX_EVENT_BYTES);
  expect(events[0]!.body.data).toMatchObject({ truncated: true, state: 'firing' });
  expect(events[1]!.body.data).not.toHaveProperty('truncated');
});
