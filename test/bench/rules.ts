// Longer than most: one benchmark with the generator of its rules.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Subject } from 'rxjs';
import { parseConfig } from '../../engine/config/parse.ts';
import { createDecoder } from '../../engine/decode/decode.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { Config } from '../../engine/model/config.ts';
import type { Item } from '../../engine/model/item/item.ts';
import type { Plan } from '../../engine/model/plan/plan.ts';
import type { MessageRecord } from '../../engine/model/record.ts';
import { evaluate } from '../../engine/operators/evaluate.ts';
import { transition } from '../../engine/operators/transition.ts';
import { consequences } from '../../engine/pipeline.ts';
import { createState } from '../../engine/state/state.ts';
import { createCounters } from '../../engine/telemetry.ts';
import type { BenchCase, BenchResult } from './bench.ts';
import type { Loaded } from './rule-loader.ts';

const COUNTS = [1, 10, 100, 1_000] as const;
const BASELINE = COUNTS.indexOf(10);
/** Number of rules that can match; with a single rule, it can. */
const MATCHING = 10;
const LOADED = 10_000;
const READINGS = 20_000;
const ROUNDS = 7;
/** Messages per read of the socket. */
const CHUNK = 64;
const DEVICES = 500;
const START_AT = 1_769_860_800_000;
const JOURNAL = { journalId: 'j0', instance: 'bench', database: 'weir' };

/**
 * The cost of a reading with 1, 10, 100 and 1,000 rules on its stream, of which 10 can match: from the message to the changes of alerts,
 * and of the evaluation alone; and with 100 rules that must all be evaluated. The baseline is 10 rules. Then the cost of loading 10,000
 * rules; the baseline is to parse the same texts as JSON.
 */
export const rules: BenchCase = {
  name: 'rules',
  summary: 'cost of a reading by how many rules its stream has, of which 10 can match; loading 10,000 rules',
  run: async () => [...costs(), ...(await loads())],
};

type Rounds = (plan: Plan) => number;

function costs(): BenchResult[] {
  const config = readConfig();
  const records = Array.from({ length: READINGS }, (_, i) => messageOf(i));
  const plans = [...COUNTS.map((count) => mixOf(count)), Array.from({ length: 100 }, (_, i) => unindexed(i))].map(
    (texts) => planOf(config, texts),
  );
  const names = [...COUNTS.map((count) => `${count} ${count === 1 ? 'rule' : 'rules'}`), '100 rules, each asked'];
  const readings = decoded(config, plans[0]!, records);
  const ways: readonly (readonly [string, Rounds])[] = [
    ['message to alert', (plan) => foldCost(config, plan, records)],
    ['evaluation alone', (plan) => evaluationCost(plan, readings)],
  ];
  return ways.flatMap(([way, measure]) => {
    // The fastest of several rounds counts. Each round has all cases, so that other load affects them equally.
    const best = plans.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < ROUNDS; round++) {
      plans.forEach((plan, i) => {
        best[i] = Math.min(best[i]!, measure(plan));
      });
    }
    return best.map((value, i) => resultOf(`${names[i]}, ${way}`, value, best[BASELINE]!, 'ns per reading'));
  });
}

/** Average time per reading in nanoseconds, starting with its message. */
function foldCost(config: Config, plan: Plan, records: readonly MessageRecord[]): number {
  const counters = createCounters();
  const records$ = new Subject<readonly MessageRecord[]>();
  let changes = 0;
  consequences(records$, {
    plan,
    state: createState(plan, 1),
    decoder: createDecoder({ streams: config.streams, brokers: ['b'], maxAheadMs: 1, counters }),
    context: JOURNAL,
    maxBehindMs: 1,
    brokers: ['b'],
    counters,
  }).subscribe((items) => {
    changes += items.reduce((sum, { kind }) => sum + (kind === 'transition' ? 1 : 0), 0);
  });
  const spent = timeOf(records, (chunk) => records$.next(chunk));
  if (counters.readings !== records.length || changes === 0) throw new Error(`${counters.readings} readings`);
  return spent / records.length;
}

/** Average time per reading in nanoseconds of evaluation and alert changes, for decoded readings. */
function evaluationCost(plan: Plan, readings: readonly Item[]): number {
  const counters = createCounters();
  const state = createState(plan, 1);
  const items$ = new Subject<readonly Item[]>();
  items$
    .pipe(
      evaluate({ plan, state, level: 0, journalId: JOURNAL.journalId, counters }),
      transition(plan, state, JOURNAL.journalId, counters),
    )
    .subscribe();
  const spent = timeOf(readings, (chunk) => items$.next(chunk));
  if (counters.transitions === 0) throw new Error('no rule has fired');
  return spent / readings.length;
}

function timeOf<T>(all: readonly T[], take: (chunk: readonly T[]) => void): number {
  const chunks = Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, i) =>
    all.slice(i * CHUNK, i * CHUNK + CHUNK),
  );
  const before = process.hrtime.bigint();
  for (const chunk of chunks) take(chunk);
  return Number(process.hrtime.bigint() - before);
}

function decoded(config: Config, plan: Plan, records: readonly MessageRecord[]): Item[] {
  const counters = createCounters();
  const decode = createDecoder({ streams: config.streams, brokers: ['b'], maxAheadMs: 1, counters });
  const items: Item[] = [];
  for (const record of records) decode(record, items);
  if (items.length !== records.length || plan.streams.length !== 1) throw new Error(`${items.length} readings`);
  return items;
}

async function loads(): Promise<BenchResult[]> {
  const texts = mixOf(LOADED);
  const json = await load('json', texts);
  const weir = await load('weir', texts);
  const row = (what: string, unit: string, pick: (loaded: Loaded) => number) =>
    resultOf(`${LOADED} rules, ${what}`, pick(weir), pick(json), unit);
  return [
    row('time to load', 'ms', ({ ms }) => ms),
    row('heap when loaded', 'kB', ({ heapBytes }) => heapBytes / 1_000),
    row('memory at its highest while loading', 'kB', ({ peakBytes }) => peakBytes / 1_000),
  ];
}

async function load(how: 'json' | 'weir', texts: readonly string[]): Promise<Loaded> {
  const child = fork(fileURLToPath(new URL('./rule-loader.ts', import.meta.url)), [how], {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  });
  try {
    const result = once(child, 'message') as Promise<[Loaded]>;
    const failed = once(child, 'exit').then(([code]) => {
      throw new Error(`loading ended with ${code}`);
    });
    child.send(texts);
    const [loaded] = await Promise.race([result, failed]);
    failed.catch(() => undefined);
    return loaded;
  } finally {
    child.kill();
  }
}

function resultOf(name: string, value: number, baseline: number, unit: string): BenchResult {
  return { case: name, value: Math.round(value), baseline: Math.round(baseline), ratio: value / baseline, unit };
}

/** The config with the stream of all these rules. */
export function readConfig(): Config {
  const file = {
    data: 'data',
    rules: 'rules',
    mqtt: { url: 'mqtt://localhost' },
    streams: {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number', humidity: 'number', battery: 'number', mode: 'string' },
      },
    },
    nats: { servers: 'nats://localhost' },
    clickhouse: { url: 'http://localhost:8123' },
  };
  const { config, problems } = parseConfig('weir.json', JSON.stringify(file), '/etc/weir');
  if (config === undefined) throw new Error(JSON.stringify(problems, null, 2));
  return config;
}

/** Compiles rule files. Throws if there is a problem. */
export function planOf({ streams }: Config, texts: readonly string[]): Plan {
  const parsed = texts.map((text, i) => {
    const { rule, document, problems } = parseRuleFile(`${i}.rule.json`, text);
    if (rule === undefined) throw new Error(JSON.stringify(problems, null, 2));
    return { rule, document };
  });
  const { plan, problems } = compilePlan(streams, parsed);
  if (problems.length > 0) throw new Error(JSON.stringify(problems, null, 2));
  return plan;
}

/** Makes rule files; those that can match are spread among the others. */
function mixOf(count: number): string[] {
  const matching = Math.min(count, MATCHING);
  const step = count / matching;
  return Array.from({ length: count }, (_, i) => {
    const nth = Math.ceil(i / step);
    return Math.floor(nth * step) === i && nth < matching ? matchingRule(nth) : otherRule(i);
  });
}

const compare = (fact: string, operator: string, value: unknown) => ({ fact, operator, value });

/** A condition that is true for one of a hundred readings. */
function matchingRule(i: number): string {
  return textOf(`match-${i}`, {
    conditions: { all: [compare('temp', 'greaterThan', 98 + i / 100), compare('humidity', 'lessThan', 101)] },
  });
}

/** Conditions that are never true: for other devices, other sites, other modes, or unreached values, in turn. */
function otherRule(i: number): string {
  const hot = compare('temp', 'greaterThan', 20);
  const kinds: readonly object[] = [
    { where: { all: [compare('device', 'equal', `other-${i}`)] }, conditions: { all: [hot] } },
    { where: { all: [compare('site', 'in', [`site-${i}`, `annex-${i}`])] }, conditions: { all: [hot] } },
    { conditions: { all: [hot, compare('mode', 'equal', `mode-${i}`)] } },
    { conditions: { all: [compare('temp', 'greaterThan', 1_000 + i)] } },
    { conditions: { all: [compare('humidity', 'between', [200 + i, 201 + i])] }, for: '30s' },
  ];
  return textOf(`other-${i}`, kinds[i % kinds.length]!);
}

/** A condition that no index can skip. */
function unindexed(i: number): string {
  const limit = compare(i % 2 === 0 ? 'temp' : 'humidity', 'lessThanInclusive', 99 - i / 100);
  return textOf(`asked-${i}`, { conditions: { not: limit } });
}

function textOf(name: string, parts: object): string {
  const params = { severity: 'warning', message: '{{device}} has {{temp}} °C' };
  return JSON.stringify({ name, stream: 'sensors', ...parts, event: { type: 'limit', params } }, null, 2);
}

function messageOf(i: number): MessageRecord {
  const device = i % DEVICES;
  const at = START_AT + i;
  const fields = { temp: (i * 7_919) % 100, humidity: (i * 104_729) % 100, battery: 80, mode: 'run' };
  return {
    kind: 'message',
    offset: i,
    at,
    connection: 0,
    topic: `plant/site-${device % 7}x/press-${device}/data`,
    payload: Buffer.from(JSON.stringify({ ts: at, ...fields })),
    qos: 1,
    retain: false,
    dup: false,
    packetId: 0,
  };
}
