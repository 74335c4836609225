import fc from 'fast-check';
import type { JournalRecord } from '../../engine/model/record.ts';
import { AGGREGATE_SAMPLES } from './aggregate-samples.ts';
import { ALERT_SAMPLES } from './alert-samples.ts';
import { ATTRIBUTE_SAMPLES, attributes } from './attribute-samples.ts';
import { CONDITION_SAMPLES, SHARED } from './condition-samples.ts';
import { CORRELATION_SAMPLES, CORRELATION_VIEWS } from './correlation-samples.ts';
import { createScript, type Script, type Setup, START_AT, setUp } from './kit.ts';
import { NUMBERED_SAMPLES, NUMBERED_STREAM, numbered } from './numbered-samples.ts';
import { SEQUENCE_SAMPLES } from './sequence-samples.ts';
import { OVER_VIEWS, VIEW_SAMPLES } from './view-samples.ts';
import { WINDOW_SAMPLES } from './window-samples.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

/** A rule of every kind, each open to fire often. */
const RULES = [
  {
    name: 'hot',
    stream: 'sensors',
    conditions: above('temp', 6),
    clear: { all: [{ fact: 'temp', operator: 'lessThan', value: 3 }] },
  },
  {
    name: 'hot-site',
    stream: 'sensors',
    per: ['site'],
    conditions: above('temp', 6),
    for: '1s',
    keepFiring: '1s',
    priority: 3,
  },
  {
    name: 'opened',
    stream: 'sensors',
    where: { all: [{ fact: 'door', operator: 'equal', value: true }] },
    window: { tumbling: '5s' },
    facts: { n: { count: true }, first: { first: 'mode' } },
    conditions: above('n', 1),
  },
  {
    name: 'mean',
    stream: 'sensors',
    window: { tumbling: '3s', lateness: '2s' },
    facts: { mean: { mean: 'temp' }, n: { count: true } },
    conditions: above('mean', 3),
    for: '4s',
  },
  {
    name: 'hops',
    stream: 'sensors',
    window: { hopping: '6s', every: '2s' },
    facts: { sum: { sum: 'temp' }, spread: { stddev: 'temp' }, last: { last: 'mode' }, range: { range: 'temp' } },
    conditions: above('sum', 10),
    keepFiring: '2s',
  },
  {
    name: 'site-mean',
    stream: 'sensors',
    per: ['site'],
    window: { tumbling: '4s', lateness: '1s' },
    facts: { mean: { mean: 'temp' }, low: { min: 'temp' } },
    conditions: above('mean', 4),
  },
  {
    name: 'all',
    stream: 'meters',
    per: [],
    window: { hopping: '4s', every: '2s', lateness: '1s' },
    facts: { peak: { max: 'power' }, n: { count: 'power' } },
    conditions: above('peak', 5),
  },
  {
    name: 'jump',
    stream: 'sensors',
    facts: {
      scaled: { round: { divide: ['change', 'reach'] }, digits: 3 },
      reach: { max: [{ abs: 'smooth' }, 1] },
      change: { delta: 'temp' },
      speed: { rate: 'temp', per: '1m' },
      before: { previous: 'mode' },
      smooth: { ewma: 'temp', halfLife: '3s' },
      stuck: { unchangedFor: 'door' },
      gap: { silentFor: true },
    },
    conditions: above('scaled', 0.5),
    clear: { any: [{ fact: 'change', operator: 'lessThan', value: 0 }, above('stuck', 2)] },
  },
  {
    name: 'row-of-hot',
    stream: 'sensors',
    per: ['site'],
    where: { all: [{ fact: 'mode', operator: 'notEqual', value: 'off' }] },
    facts: { row: { inARow: above('temp', 4) } },
    conditions: above('row', 1),
    keepFiring: '1s',
  },
  {
    name: 'outlier',
    stream: 'sensors',
    per: [],
    facts: {
      z: { zscore: 'temp', halfLife: '1m' },
      robust: { mad: 'temp', horizon: '1m' },
      size: { max: [{ abs: 'z' }, { abs: 'robust' }] },
    },
    conditions: above('size', 1),
  },
  {
    name: 'power',
    stream: 'meters',
    facts: { doubled: { multiply: ['power', 2] }, root: { sqrt: { subtract: ['doubled', 4] } } },
    conditions: above('root', 2.5),
  },
  {
    name: 'spread',
    stream: 'sensors',
    window: { tumbling: '3s' },
    facts: {
      center: { divide: ['both', 2] },
      both: { add: ['low', 'high'] },
      low: { min: 'temp' },
      high: { max: 'temp' },
    },
    conditions: above('center', 4),
  },
  ...WINDOW_SAMPLES,
  ...SEQUENCE_SAMPLES,
  ...AGGREGATE_SAMPLES,
  ...ALERT_SAMPLES,
  ...CONDITION_SAMPLES,
  ...CORRELATION_SAMPLES,
  ...ATTRIBUTE_SAMPLES,
  ...NUMBERED_SAMPLES,
  ...OVER_VIEWS,
  { name: 'silent', stream: 'sensors', silence: '3s', keepFiring: '2s' },
  { name: 'very-silent', stream: 'sensors', silence: '4s', for: '2s' },
  { name: 'silent-site', stream: 'sensors', per: ['site'], silence: '4s' },
  { name: 'silent-meter', stream: 'meters', silence: '5s' },
].map((rule) => ({ ...rule, event: { type: rule.name, params: { message: `${rule.name} {{key}}` } } }));

const CONFIG = {
  attributes: { bucket: 'weir_attributes' },
  mqtt: [
    { name: '2', url: 'mqtt://two', clientId: 'two' },
    { name: '1', url: 'mqtt://one', clientId: 'one' },
  ],
  streams: {
    sensors: {
      topic: 'plant/{site}/{device}/data',
      format: 'json',
      time: { path: 'ts', unit: 'ms' },
      fields: { temp: 'number', door: 'boolean', mode: 'string' },
      status: { topic: 'plant/{site}/{device}/status' },
    },
    meters: {
      topic: 'meters/{device}',
      format: 'ndjson',
      labels: { place: 'place' },
      fields: { power: 'number' },
      status: { topic: 'meters/{device}/status' },
    },
    pumps: NUMBERED_STREAM,
  },
};

/** An engine of two brokers and three streams with rules of every kind and batches of a few rows; `fields` are more of the stream `sensors`, `changes` are laid over it. */
export function createBusySetup(
  batch = { rows: 5, bytes: 900, ageMs: 2_500 },
  fields: object = {},
  changes: object = {},
): Setup {
  const { sensors, ...others } = CONFIG.streams;
  const streams = { sensors: { ...sensors, ...changes, fields: { ...sensors.fields, ...fields } }, ...others };
  const setup = setUp([...RULES, ...VIEW_SAMPLES, ...CORRELATION_VIEWS], { ...CONFIG, streams }, SHARED);
  return { ...setup, config: { ...setup.config, clickhouse: { ...setup.config.clickhouse, batch } } };
}

type Action = (script: Script) => void;

const device = fc.constantFrom('d1', 'd2', 'd3', 'dé |\\');
const connection = fc.constantFrom(0, 0, 0, 1);

const reading: fc.Arbitrary<Action> = fc
  .record({
    device,
    connection,
    site: fc.constantFrom('a', 'a', 'a', 'b'),
    ahead: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(0, 0, 0.125, -40, -700) },
      { weight: 2, arbitrary: fc.integer({ min: -8_000, max: 2_500 }) },
      { weight: 1, arbitrary: fc.constantFrom(-3_600_000, 3_600_000, Date.UTC(2000, 0, 1) - START_AT) },
    ),
    fields: fc.record(
      {
        temp: fc.integer({ min: -2, max: 10 }),
        door: fc.boolean(),
        mode: fc.constantFrom('on', 'off'),
        more: fc.nat(9),
      },
      { requiredKeys: ['temp'] },
    ),
  })
  .map(
    ({ device, fields, ...sent }) =>
      (script) =>
        script.reading(device, fields, sent),
  );

/** Deliveries by packet ids, some of them again. */
const redelivery: fc.Arbitrary<Action> = fc
  .record({ device, connection, packetId: fc.integer({ min: 1, max: 3 }), dup: fc.boolean(), temp: fc.nat(9) })
  .map(
    ({ device, connection, temp, ...delivery }) =>
      (script) =>
        script.message(`plant/a/${device}/data`, JSON.stringify({ ts: START_AT + temp, temp }), connection, delivery),
  );

const meter: fc.Arbitrary<Action> = fc
  .record({
    device,
    connection,
    lines: fc.array(
      fc.oneof(
        fc.record({ power: fc.integer({ min: 0, max: 9 }), place: fc.constantFrom('x', 'y') }),
        fc.constant('garbage'),
      ),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(
    ({ device, lines, connection }) =>
      (script) =>
        script.message(`meters/${device}`, lines.map((line) => JSON.stringify(line)).join('\n'), connection),
  );

const status: fc.Arbitrary<Action> = fc
  .record({
    topic: fc
      .tuple(fc.constantFrom('plant/a/', 'plant/b/', 'meters/'), device)
      .map((parts) => `${parts.join('')}/status`),
    word: fc.constantFrom('online', 'offline', 'maybe'),
    connection,
  })
  .map(
    ({ topic, word, connection }) =>
      (script) =>
        script.message(topic, word, connection),
  );

const garbage: fc.Arbitrary<Action> = fc
  .record({
    topic: fc.constantFrom('plant/a/d1/data', 'plant/a/d2/data', 'elsewhere'),
    payload: fc.oneof(fc.uint8Array({ maxLength: 12 }), fc.constantFrom('{', '{}', '{"ts":1,"temp":"x"}', '[]')),
  })
  .map(
    ({ topic, payload }) =>
      (script) =>
        script.message(topic, payload),
  );

/** What once was a dead letter comes again: readings, a status, what is still none, some of it from long ago. */
const redriven: fc.Arbitrary<Action> = fc
  .record({
    device,
    connection,
    from: fc.constantFrom(-86_400_000, -5_000, 0, 1_000, 86_400_000),
    made: fc.constantFrom(
      ['plant/a/', '/data', '{"ts":1769860801000,"temp":9}'],
      ['plant/b/', '/data', '{"ts":1769860800000,"temp":1}'],
      ['plant/a/', '/data', '{"ts":1,"temp":"x"}'],
      ['plant/a/', '/status', 'offline'],
      ['plant/a/', '/status', 'maybe'],
      ['meters/', '', '{"power":9}\n7\n{"power":1}'],
      ['elsewhere/', '', '{}'],
    ),
  })
  .map(
    ({ device, connection, from, made: [before, behind, payload] }) =>
      (script) =>
        script.message(`${before}${device}${behind}`, payload!, connection, { redrivenFrom: from }),
  );

const tick: fc.Arbitrary<Action> = fc.integer({ min: 50, max: 1_400 }).map((ms) => (script) => {
  script.now += ms;
  script.tick();
});

const pass: fc.Arbitrary<Action> = fc
  .oneof({ weight: 6, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.integer({ min: -1_500, max: 20_000 }) })
  .map((ms) => (script) => {
    script.now = Math.max(0, script.now + ms);
  });

const quiet: fc.Arbitrary<Action> = fc.integer({ min: 1, max: 12 }).map((seconds) => (script) => {
  script.tickUntil(script.now + seconds * 1_000);
});

const mark: fc.Arbitrary<Action> = fc
  .record({
    mark: fc.constantFrom('started', 'connected', 'connected', 'disconnected', 'session-lost'),
    connection: fc.constantFrom(0, 1),
  })
  .map(({ mark, connection }) => (script) => {
    script.mark(mark as 'started', mark === 'started' ? -1 : connection);
    if (mark === 'started') script.mark('connected', 0);
  });

/** What new subscriptions bring, often again. */
const retained: fc.Arbitrary<Action> = fc
  .record({
    device,
    connection,
    again: fc.boolean(),
    made: fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .record({ at: fc.constantFrom(0, 0, 2_000, 20_000, 3_600_000), temp: fc.nat(9) })
          .map(({ at, temp }) => ['plant/a/', '/data', JSON.stringify({ ts: START_AT + at, temp })] as const),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom('online', 'offline').map((word) => ['plant/a/', '/status', word] as const),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          ['plant/a/', '/data', '{'] as const,
          ['meters/', '', '{"power":9}'] as const,
          ['elsewhere/', '', '{}'] as const,
        ),
      },
    ),
  })
  .map(({ device, connection, again, made: [before, behind, payload] }) => (script) => {
    for (let times = again ? 2 : 1; times > 0; times--) {
      script.message(`${before}${device}${behind}`, payload, connection, { retain: true });
    }
  });

/** The broker has forgotten us; what was retained may come before we are subscribed again. */
const sessionLoss: fc.Arbitrary<Action> = fc
  .record({ connection: fc.constantFrom(0, 1), retain: fc.option(fc.boolean(), { nil: undefined }), ms: fc.nat(200) })
  .map(({ connection, retain, ms }) => (script) => {
    script.mark('session-lost', connection);
    if (retain !== undefined) script.reading('d1', { temp: 1 }, { connection, retain });
    script.now += ms;
    script.mark('connected', connection);
  });

/** The host's clock is set: forward, or back so that receive time is ahead of it. */
const step: fc.Arbitrary<Action> = fc
  .record({
    steppedMs: fc.constantFrom(0, 1_500, 60_000, 3_600_000),
    aheadMs: fc.constantFrom(0, 0, 2_000, 7_200_000),
  })
  .map(
    ({ steppedMs, aheadMs }) =>
      (script) =>
        script.step(steppedMs, aheadMs),
  );

const cut: fc.Arbitrary<Action> = fc.constant((script) => script.mark('cut'));

/** Journals of everything that can happen, in any order. */
export const scripts: fc.Arbitrary<Script> = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: reading },
      { weight: 3, arbitrary: meter },
      { weight: 3, arbitrary: redelivery },
      { weight: 3, arbitrary: numbered },
      { weight: 2, arbitrary: status },
      { weight: 2, arbitrary: retained },
      { weight: 1, arbitrary: garbage },
      { weight: 2, arbitrary: redriven },
      { weight: 2, arbitrary: attributes },
      { weight: 4, arbitrary: tick },
      { weight: 3, arbitrary: pass },
      { weight: 2, arbitrary: quiet },
      { weight: 1, arbitrary: mark },
      { weight: 1, arbitrary: sessionLoss },
      { weight: 1, arbitrary: step },
      { weight: 2, arbitrary: cut },
    ),
    { minLength: 5, maxLength: 90, size: 'max' },
  )
  .map((actions) => {
    const script = createScript(2);
    for (const act of actions) act(script);
    script.tickUntil(script.now + 3_000);
    script.mark('cut');
    return Object.assign(script, { [fc.toStringMethod]: () => script.records.map(print).join('\n') });
  });

function print(record: JournalRecord): string {
  const said = record.kind === 'message' ? `${record.topic} ${Buffer.from(record.payload)}` : record.kind;
  return `${record.offset} ${record.at - START_AT} ${record.kind === 'mark' ? `${record.mark} ${record.connection}` : said}`;
}
