import { Subject } from 'rxjs';
import { parseConfig } from '../../engine/config/parse.ts';
import { createDecoder } from '../../engine/decode/decode.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { Config } from '../../engine/model/config.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import type { JournalRecord, MessageRecord } from '../../engine/model/record.ts';
import { pipeline } from '../../engine/pipeline.ts';
import { createState } from '../../engine/state/state.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { readPage } from './pages.ts';

export const BROKERS = ['mqtt'];
/** The start time of the examples of the pages. */
export const START_AT = Date.UTC(2026, 0, 31, 12);

/** The config of `deploy/weir.json`. */
export function sampleConfig(): Config {
  const { config } = parseConfig('deploy/weir.json', readPage('deploy/weir.json'), '/deploy');
  if (config === undefined) throw new Error('the sample config has errors');
  return config;
}

/** A record of a message with these bytes. */
export function message(offset: number, at: number, topic: string, payload: Uint8Array): MessageRecord {
  return { kind: 'message', offset, at, connection: 0, topic, payload, qos: 1, retain: false, dup: false, packetId: 0 };
}

/** A record of a reading that arrives 40 ms after its timestamp. */
export function reading(offset: number, at: number, topic: string, fields: object): MessageRecord {
  return message(offset, at + 40, topic, Buffer.from(JSON.stringify({ ts: at, ...fields })));
}

/** The events that the engine publishes for these records with a rule of `rules/`, without those of devices. */
export function publish(name: string, records: readonly JournalRecord[]): EventOutput[] {
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
