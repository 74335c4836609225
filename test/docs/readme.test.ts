import { Subject } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { DEFAULTS } from '../../engine/config/defaults.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import { createDecoder } from '../../engine/decode/decode.ts';
import { FIXED_TABLES, STREAM_COLUMNS } from '../../engine/delivery/tables.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { Config } from '../../engine/model/config.ts';
import type { Item } from '../../engine/model/item/item.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import type { JournalRecord, MessageRecord } from '../../engine/model/record.ts';
import { pipeline } from '../../engine/pipeline.ts';
import { FAULT_NAMES } from '../../engine/simulator/faults.ts';
import { createState } from '../../engine/state/state.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { blocksOf, codeRows, codeSpans, readPage, sectionOf } from './pages.ts';

const page = readPage('README.md');
const BROKERS = ['mqtt'];
const START_AT = Date.UTC(2026, 0, 31, 12);

function sampleConfig(): Config {
  const { config } = parseConfig('deploy/weir.json', readPage('deploy/weir.json'), '/deploy');
  if (config === undefined) throw new Error('the sample config has errors');
  return config;
}

function message(offset: number, at: number, topic: string, payload: Uint8Array): MessageRecord {
  return { kind: 'message', offset, at, connection: 0, topic, payload, qos: 1, retain: false, dup: false, packetId: 0 };
}

function reading(offset: number, at: number, topic: string, fields: object): MessageRecord {
  return message(offset, at + 40, topic, Buffer.from(JSON.stringify({ ts: at, ...fields })));
}

/** What the engine publishes with a rule that comes with it. */
function publish(name: string, records: readonly JournalRecord[]): EventOutput[] {
  const config = sampleConfig();
  const { rule, document } = parseRuleFile('rule', readPage(`rules/${name}.rule.json`));
  const { plan } = compilePlan(config.streams, [{ rule: rule!, document }]);
  const counters = createCounters();
  const { maxAheadMs, streams } = config;
  const events: EventOutput[] = [];
  const records$ = new Subject<readonly JournalRecord[]>();
  pipeline(records$, {
    plan,
    state: createState(plan, 1),
    decoder: createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters }),
    context: {
      journalId: '5f0c2b7d9e1a4c38',
      instance: config.mqtt[0]!.clientId,
      database: config.clickhouse.database,
    },
    limits: config.clickhouse.batch,
    maxBehindMs: maxAheadMs,
    brokers: BROKERS,
    counters,
  }).subscribe((output) => {
    if (output.kind === 'event' && output.stream !== 'WEIR_DEVICES') events.push(output);
  });
  records$.next(records);
  return events;
}

/** What the engine publishes when `press 7` gets too hot: with the fifth reading above the limit. */
function publishedAlert(): EventOutput | undefined {
  const hot = [50.3, 50.9, 51.2, 51.4, 51.5].map((temp, i) =>
    reading(1203 + i, START_AT + (i - 4) * 5_000, 'plant/north/press 7/data', { temp, humidity: 38.2 }),
  );
  return publish('temperature-limit', hot)[0];
}

/** What it publishes of a minute of a site. */
function publishedFacts(): EventOutput | undefined {
  return publish('site-climate', [
    { kind: 'mark', offset: 0, at: START_AT, mark: 'connected', connection: 0 },
    reading(1, START_AT, 'plant/north/press 7/data', { temp: 20.9, humidity: 40 }),
    reading(2, START_AT + 20_000, 'plant/north/press 8/data', { temp: 18, humidity: 38.2 }),
    reading(3, START_AT + 40_000, 'plant/north/press 7/data', { temp: 30.1, humidity: 41 }),
    ...Array.from({ length: 60 }, (_, i) => ({
      kind: 'tick' as const,
      offset: 4 + i,
      at: START_AT + 41_000 + i * 1_000,
    })),
  ])[0];
}

describe('the example event', () => {
  const example = blocksOf(page, 'json').find(({ text }) => text.includes('"specversion"'));

  test('is the one that the engine publishes', () => {
    expect(JSON.parse(example?.text ?? 'null')).toEqual(JSON.parse(publishedAlert()!.body));
  });

  test('goes out on the subject, and stands under the key, that the page names', () => {
    const { subject, kv } = publishedAlert()!;
    expect(codeSpans(sectionOf(page, 'For alert consumers'))).toEqual(expect.arrayContaining([subject, kv!.key]));
  });
});

describe('the example of a view', () => {
  const section = sectionOf(page, 'For alert consumers');
  const example = blocksOf(section, 'json').find(({ text }) => text.includes('"labels"'));

  test('is what the engine says of it', () => {
    const { subject, body } = publishedFacts()!;
    const { type, time, data } = JSON.parse(body);
    expect(JSON.parse(example!.text)).toEqual(data);
    expect(time).toBe(data.end);
    expect(codeSpans(section)).toEqual(expect.arrayContaining([subject, type]));
  });
});

describe('bad input', () => {
  const rows = codeRows(sectionOf(page, 'What becomes of bad input'));
  const payloads = rows.filter(([first]) => /^[[{0]/.test(first!));

  test.each(payloads)('%s becomes %s', (shown, becomes) => {
    const bytes = shown!.startsWith('0x') ? Buffer.from(shown!.split(' ').map(Number)) : Buffer.from(shown!);
    const { streams, maxAheadMs } = sampleConfig();
    const decode = createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters: createCounters() });
    const items: Item[] = [];
    decode(message(0, START_AT, 'plant/north/d1/data', bytes), items);
    expect(items.map((item) => (item.kind === 'rejected' ? `\`${item.reason}\`` : `a ${item.kind}`))).toEqual([
      becomes,
    ]);
  });

  test('has every reason', () => {
    const source = /export type RejectReason =([^;]*);/.exec(readPage('engine/model/item/item.ts'))![1]!;
    const real = Array.from(source.matchAll(/'([a-z0-9-]+)'/g), (match) => match[1]!);
    const told = rows.flatMap(([first, second]) =>
      payloads.some(([p]) => p === first) ? codeSpans(second!) : [first!],
    );
    expect([...new Set(told)].sort()).toEqual(real.sort());
  });

  test('shows each field of the text that it says is kept', () => {
    const { streams, maxAheadMs } = sampleConfig();
    const decode = createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters: createCounters() });
    const items: Item[] = [];
    const payload = payloads.find(([shown]) => shown!.includes('"note"'))![0]!;
    decode(message(0, START_AT, 'plant/north/d1/data', Buffer.from(payload)), items);
    expect(items[0]).toMatchObject({ extra: { note: '"Infinity"' } });
  });
});

test.each(codeRows(sectionOf(page, 'Limits and defaults')))('the default of %s is %s', (key, told) => {
  const path = key!.replace('streams.*.', 'stream.').split('.');
  const real = path.reduce<unknown>((value, part) => (value as Record<string, unknown>)[part], DEFAULTS);
  expect(`\`${real}\``).toBe(told);
});

test('the simulator has the faults that the page names', () => {
  expect(codeRows(sectionOf(page, 'The simulator')).map(([name]) => name)).toEqual(FAULT_NAMES);
});

describe('the tables', () => {
  const section = sectionOf(page, 'For analysts');

  test('are all named', () => {
    const real = FIXED_TABLES.map(({ name }) => name);
    expect(codeRows(section).map(([name]) => name)).toEqual(
      expect.arrayContaining([...real, 'open_alerts', 'sensors', 'sensors_1m']),
    );
  });

  test('have the columns that the page names', () => {
    const sentence = /A stream's table has[\s\S]*?\n\n/.exec(section)![0];
    expect(codeSpans(sentence)).toEqual(expect.arrayContaining([...STREAM_COLUMNS]));
  });
});
