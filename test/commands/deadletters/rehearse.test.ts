import { describe, expect, it } from 'vitest';
import type { DeadLetter, DeadLetterFault } from '../../../engine/commands/deadletters/dead-letter.ts';
import { createDryRun } from '../../../engine/commands/deadletters/dry-run.ts';
import { START_AT, setUp } from '../../pipeline/kit.ts';

const SENSORS = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number' },
  status: { topic: 'plant/{site}/{device}/status' },
};

const configOf = (streams: object, brokers = ['one']) =>
  setUp([], { streams, mqtt: brokers.map((name) => ({ name, url: `mqtt://${name}`, clientId: name })) }).config;

const fault = (reason: string, stream = 'sensors', detail = 'as it was'): DeadLetterFault => ({
  id: 0n,
  receivedAt: START_AT,
  stream,
  reason,
  detail,
  hasPayload: true,
  retriedAt: undefined,
});

function letter(payload: string, faults: readonly DeadLetterFault[], topic = 'plant/north/d1/data'): DeadLetter {
  const bytes = Buffer.from(payload);
  return { at: START_AT, offset: 7, topic, payload: bytes, bytes: bytes.length, faults };
}

/** As of the receive time of the letter. */
const rehearsalOf = (config: Parameters<typeof createDryRun>[0]) => createDryRun(config, () => START_AT);

const TEXT = `{"ts":${START_AT},"temp":"1"}`;

describe('a rehearsal', () => {
  it('finds what was mended ready, and what was not failing as in the engine', () => {
    const of = letter(TEXT, [fault('wrong-type')]);
    expect(rehearsalOf(configOf({ sensors: SENSORS }))(of)).toMatchObject({
      kind: 'fails',
      readings: [],
      faults: [{ reason: 'wrong-type', detail: expect.stringContaining('set "coerce": true') }],
    });
    expect(rehearsalOf(configOf({ sensors: { ...SENSORS, coerce: true } }))(of)).toMatchObject({
      kind: 'ready',
      connection: 0,
      readings: [{ device: 'd1', time: START_AT, values: [1] }],
      faults: [],
    });
  });

  it('takes the receive time of the letter for the time of a reading without a stamp', () => {
    const { time: _, ...stampless } = SENSORS;
    const made = rehearsalOf(configOf({ sensors: stampless }))(letter('{"temp":1}', [fault('no-stream', '')]));
    expect(made).toMatchObject({ kind: 'ready', readings: [{ time: START_AT }] });
  });

  it('finds a reading expired that has become too old meanwhile, as the engine does', () => {
    const DAY = 86_400_000;
    for (const time of [SENSORS.time, undefined]) {
      const config = configOf({ sensors: { ...SENSORS, time, coerce: true, retain: '30d' } });
      const of = letter(TEXT, [fault('wrong-type')]);
      const at = (days: number) => createDryRun(config, () => START_AT + days * DAY)(of);
      expect(at(30)).toMatchObject({ kind: 'ready', readings: [{ time: START_AT }], faults: [] });
      const late = at(31);
      expect(late).toMatchObject({ kind: 'fails', readings: [], faults: [{ reason: 'expired' }] });
      // It is the same fault as long as it waits.
      expect(at(99)).toEqual(late);
    }
  });

  it('finds a message in parts ready when a fault of it is gone, and not while all are there', () => {
    const config = configOf({ sensors: { ...SENSORS, each: '$', coerce: true } });
    const payload = `[${TEXT},{"ts":${START_AT},"temp":"hot"},{"ts":${START_AT},"temp":2}]`;
    const still = rehearsalOf(config)(letter(payload, [fault('wrong-type')]));
    expect(still).toMatchObject({ kind: 'ready', readings: [{ values: [1] }, { values: [2] }] });
    const faults =
      still.kind === 'ready' ? still.faults.map(({ reason, detail }) => fault(reason, 'sensors', detail)) : [];
    expect(faults).toHaveLength(1);
    // As it would come back among the dead letters.
    expect(rehearsalOf(config)(letter(payload, faults))).toMatchObject({ kind: 'fails', faults: [{ ordinal: 0 }] });
    expect(rehearsalOf(config)(letter(payload, [...faults, fault('not-finite')])).kind).toBe('ready');
  });

  it('drives a row that was refused as it is, if it is one of a stream', () => {
    const rehearse = rehearsalOf(configOf({ sensors: { ...SENSORS, coerce: true } }));
    expect(rehearse(letter(TEXT, [fault('refused')])).kind).toBe('ready');
    expect(rehearse(letter(TEXT, [fault('refused', 'alerts')]))).toEqual({
      kind: 'nothing',
      why: 'what ClickHouse refused is a row of alerts, which no stream of the config fills',
    });
    expect(rehearse(letter(TEXT, [fault('refused', 'alerts'), fault('refused')])).kind).toBe('ready');
    expect(rehearse(letter('{', [fault('refused')])).kind).toBe('fails');
  });

  it('takes no event for a message, whatever topics the streams have', () => {
    const rehearse = rehearsalOf(
      configOf({ sensors: { ...SENSORS, topic: '{device}', status: undefined, coerce: true } }),
    );
    const event = letter(TEXT, [fault('undeliverable', '')], 'weir.alerts.warning.hot.d1');
    expect(rehearse({ ...event, faults: [fault('no-stream', '')] }).kind).toBe('ready');
    expect(rehearse(event)).toEqual({
      kind: 'nothing',
      why: 'it is an event that NATS refused, not a message of a device',
    });
  });

  it('does not take a status of then for one of now', () => {
    const rehearse = rehearsalOf(configOf({ sensors: SENSORS }));
    const of = (word: string) => rehearse(letter(word, [fault('no-stream', '')], 'plant/north/d1/status'));
    expect(of('offline')).toMatchObject({ kind: 'nothing', why: expect.stringContaining('a status speaks') });
    expect(of('perhaps')).toMatchObject({ kind: 'fails', faults: [{ reason: 'malformed' }] });
  });

  it('finds the broker by which a letter came by its stream, and says where that does not tell', () => {
    const stream = (broker: string) => ({ ...SENSORS, coerce: true, broker, status: undefined });
    const rehearse = rehearsalOf(configOf({ first: stream('one'), other: stream('two') }, ['one', 'two']));
    expect(rehearse(letter(TEXT, [fault('wrong-type', 'other')]))).toMatchObject({ kind: 'ready', connection: 1 });
    expect(rehearse(letter(TEXT, [fault('wrong-type', 'first')]))).toMatchObject({ kind: 'ready', connection: 0 });
    expect(rehearse(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({
      kind: 'nothing',
      why: expect.stringContaining('different brokers'),
    });
    const both = rehearsalOf(configOf({ sensors: { ...SENSORS, coerce: true } }, ['one', 'two']));
    expect(both(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({ kind: 'ready', connection: 0 });
    const second = rehearsalOf(configOf({ other: stream('two') }, ['one', 'two']));
    expect(second(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({ kind: 'ready', connection: 1 });
    // What it says of a letter that still fails is what the engine said.
    expect(second(letter('{', [fault('malformed', 'other')]))).toMatchObject({ faults: [{ reason: 'malformed' }] });
  });
});
