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

/** A dry run at the receive time of the dead letter. */
const dryRunOf = (config: Parameters<typeof createDryRun>[0]) => createDryRun(config, () => START_AT);

const TEXT = `{"ts":${START_AT},"temp":"1"}`;

describe('a dry run', () => {
  it('is ready after the config was corrected, and otherwise fails as in the engine', () => {
    const deadLetter = letter(TEXT, [fault('wrong-type')]);
    expect(dryRunOf(configOf({ sensors: SENSORS }))(deadLetter)).toMatchObject({
      kind: 'fails',
      readings: [],
      faults: [{ reason: 'wrong-type', detail: expect.stringContaining('set "coerce": true') }],
    });
    expect(dryRunOf(configOf({ sensors: { ...SENSORS, coerce: true } }))(deadLetter)).toMatchObject({
      kind: 'ready',
      connection: 0,
      readings: [{ device: 'd1', time: START_AT, values: [1] }],
      faults: [],
    });
  });

  it('uses the receive time of the dead letter for a reading without a timestamp', () => {
    const { time: _, ...stampless } = SENSORS;
    const made = dryRunOf(configOf({ sensors: stampless }))(letter('{"temp":1}', [fault('no-stream', '')]));
    expect(made).toMatchObject({ kind: 'ready', readings: [{ time: START_AT }] });
  });

  it('fails for a reading that has become too old, as in the engine', () => {
    const DAY = 86_400_000;
    for (const time of [SENSORS.time, undefined]) {
      const config = configOf({ sensors: { ...SENSORS, time, coerce: true, retain: '30d' } });
      const deadLetter = letter(TEXT, [fault('wrong-type')]);
      const at = (days: number) => createDryRun(config, () => START_AT + days * DAY)(deadLetter);
      expect(at(30)).toMatchObject({ kind: 'ready', readings: [{ time: START_AT }], faults: [] });
      const late = at(31);
      expect(late).toMatchObject({ kind: 'fails', readings: [], faults: [{ reason: 'expired' }] });
      // The fault stays the same.
      expect(at(99)).toEqual(late);
    }
  });

  it('is ready for a message of several readings if one of its faults is gone', () => {
    const config = configOf({ sensors: { ...SENSORS, each: '$', coerce: true } });
    const payload = `[${TEXT},{"ts":${START_AT},"temp":"hot"},{"ts":${START_AT},"temp":2}]`;
    const still = dryRunOf(config)(letter(payload, [fault('wrong-type')]));
    expect(still).toMatchObject({ kind: 'ready', readings: [{ values: [1] }, { values: [2] }] });
    const faults =
      still.kind === 'ready' ? still.faults.map(({ reason, detail }) => fault(reason, 'sensors', detail)) : [];
    expect(faults).toHaveLength(1);
    // As the new dead letter would be.
    expect(dryRunOf(config)(letter(payload, faults))).toMatchObject({ kind: 'fails', faults: [{ ordinal: 0 }] });
    expect(dryRunOf(config)(letter(payload, [...faults, fault('not-finite')])).kind).toBe('ready');
  });

  it('is ready for a refused row of a stream, without a change', () => {
    const dryRun = dryRunOf(configOf({ sensors: { ...SENSORS, coerce: true } }));
    expect(dryRun(letter(TEXT, [fault('refused')])).kind).toBe('ready');
    expect(dryRun(letter(TEXT, [fault('refused', 'alerts')]))).toEqual({
      kind: 'nothing',
      why: 'ClickHouse refused a row of the table alerts, which belongs to no stream of the config',
    });
    expect(dryRun(letter(TEXT, [fault('refused', 'alerts'), fault('refused')])).kind).toBe('ready');
    expect(dryRun(letter('{', [fault('refused')])).kind).toBe('fails');
  });

  it('has nothing to redrive for an event, whatever topics the streams have', () => {
    const dryRun = dryRunOf(configOf({ sensors: { ...SENSORS, topic: '{device}', status: undefined, coerce: true } }));
    const event = letter(TEXT, [fault('undeliverable', '')], 'weir.alerts.warning.hot.d1');
    expect(dryRun({ ...event, faults: [fault('no-stream', '')] }).kind).toBe('ready');
    expect(dryRun(event)).toEqual({
      kind: 'nothing',
      why: 'it is an event that NATS refused, not a message of a device',
    });
  });

  it('has nothing to redrive for a status message', () => {
    const dryRun = dryRunOf(configOf({ sensors: SENSORS }));
    const of = (word: string) => dryRun(letter(word, [fault('no-stream', '')], 'plant/north/d1/status'));
    expect(of('offline')).toMatchObject({
      kind: 'nothing',
      why: expect.stringContaining('a status message is only valid'),
    });
    expect(of('perhaps')).toMatchObject({ kind: 'fails', faults: [{ reason: 'malformed' }] });
  });

  it('finds the broker of a dead letter by its stream, or reports that it is unknown', () => {
    const stream = (broker: string) => ({ ...SENSORS, coerce: true, broker, status: undefined });
    const dryRun = dryRunOf(configOf({ first: stream('one'), other: stream('two') }, ['one', 'two']));
    expect(dryRun(letter(TEXT, [fault('wrong-type', 'other')]))).toMatchObject({ kind: 'ready', connection: 1 });
    expect(dryRun(letter(TEXT, [fault('wrong-type', 'first')]))).toMatchObject({ kind: 'ready', connection: 0 });
    expect(dryRun(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({
      kind: 'nothing',
      why: expect.stringContaining('different brokers'),
    });
    const both = dryRunOf(configOf({ sensors: { ...SENSORS, coerce: true } }, ['one', 'two']));
    expect(both(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({ kind: 'ready', connection: 0 });
    const second = dryRunOf(configOf({ other: stream('two') }, ['one', 'two']));
    expect(second(letter(TEXT, [fault('no-stream', '')]))).toMatchObject({ kind: 'ready', connection: 1 });
    // For a dead letter that still fails, the faults are those of the engine.
    expect(second(letter('{', [fault('malformed', 'other')]))).toMatchObject({ faults: [{ reason: 'malformed' }] });
  });
});
