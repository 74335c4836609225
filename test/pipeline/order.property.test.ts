import fc from 'fast-check';
import { Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../engine/decode/decode.ts';
import type { Item } from '../../engine/model/item/item.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { consequences } from '../../engine/pipeline.ts';
import { createState } from '../../engine/state/state.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { AGGREGATE_SAMPLES } from './aggregate-samples.ts';
import { ALERT_SAMPLES } from './alert-samples.ts';
import { CONDITION_SAMPLES, SHARED } from './condition-samples.ts';
import { createScript, type Script, type Setup, START_AT, setUp } from './kit.ts';
import { WINDOW_SAMPLES } from './window-samples.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const below = (fact: string, value: number) => ({ all: [{ fact, operator: 'lessThan', value }] });
const withEvent = (rule: { readonly name: string }) => ({
  ...rule,
  event: { type: rule.name, params: { message: `${rule.name} {{key}}` } },
});

/**
 * What rules say of readings, apart from their place in the journal: by rule and key, the results of closed windows and how alerts
 * changed and were published, in order; by device, how it came and went; and which readings were late.
 */
type Outcome = Readonly<Record<string, readonly string[]>>;

/** Whether instants of arrival count: they do not where readings arrive at others. */
interface Looking {
  readonly atArrival: boolean;
}

/** Folds arrays of records and takes down the outcome. */
function outcomeOf(setup: Setup, arrays: readonly (readonly JournalRecord[])[], { atArrival }: Looking): Outcome {
  const { config, plan } = setup;
  const brokers = config.mqtt.map(({ name }) => name);
  const counters = createCounters();
  const { maxAheadMs } = config;
  const records$ = new Subject<readonly JournalRecord[]>();
  const outcome: Record<string, string[]> = { late: [] };
  const see = (item: Item): void => {
    const told = lookAt(setup, item, atArrival);
    if (told !== undefined) (outcome[told[0]] ??= []).push(told[1]);
  };
  consequences(records$, {
    plan,
    state: createState(plan, brokers.length),
    decoder: createDecoder({ streams: config.streams, brokers, maxAheadMs, counters }),
    context: { journalId: 'j0', instance: 'weir-1', database: 'weir' },
    maxBehindMs: maxAheadMs,
    brokers,
    counters,
  }).subscribe((items) => items.forEach(see));
  for (const array of arrays) records$.next(array);
  outcome.late!.sort();
  return outcome;
}

/** Under what to take an item down, and as what; undefined where it is no outcome. */
function lookAt({ plan }: Setup, item: Item, atArrival: boolean): [string, string] | undefined {
  switch (item.kind) {
    case 'closed': {
      const rule = plan.rules[item.rule]!;
      if (rule.kind !== 'window') return undefined;
      const { start, end, inclusive, receivedAt } = item;
      const arrival = atArrival ? { receivedAt } : {};
      return [
        `windows of ${rule.name} ${item.key.text}`,
        print({ start, end, inclusive, ...arrival, facts: rule.conditions.facts(item) }),
      ];
    }
    case 'transition':
    case 'notice': {
      const { id: _id, offset: _offset, recordedAt, rule, key, ...change } = item;
      const { name } = plan.rules[rule]!;
      return [`alerts of ${name} ${key.text}`, print(atArrival ? { recordedAt, ...change } : change)];
    }
    case 'event': {
      if (item.stream !== 'WEIR_ALERTS') return undefined;
      const { type, subject, time, data } = JSON.parse(item.body);
      return [`events of ${data.rule} ${data.key}`, print({ type, subject, time, data })];
    }
    case 'device': {
      if (!atArrival) return undefined;
      const { offset: _offset, ...change } = item;
      return [`device ${item.device}`, print(change)];
    }
    case 'reading':
      return item.late ? ['late', `${item.device} ${item.time}`] : undefined;
    default:
      return undefined;
  }
}

/** Fractions to nine digits, and those near zero as zero: what is added up depends, in its last digits, on the order. */
function print(value: object): string {
  return JSON.stringify(value, (_name, part) => {
    if (typeof part !== 'number' || Number.isInteger(part)) return part;
    return Math.abs(part) < 1e-9 ? 0 : Number(part.toPrecision(9));
  });
}

/** Cuts records into arrays of these sizes, again and again. */
function chunk(records: readonly JournalRecord[], sizes: readonly number[]): JournalRecord[][] {
  const chunks: JournalRecord[][] = [];
  for (let at = 0, i = 0; at < records.length; i++) {
    chunks.push(records.slice(at, at + sizes[i % sizes.length]!));
    at += sizes[i % sizes.length]!;
  }
  return chunks;
}

const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });

/** The order of messages, each by its device and text. */
const orderOf = ({ records }: Script) =>
  records
    .map((record) => (record.kind === 'message' ? `${record.topic} ${Buffer.from(record.payload)}` : record.kind))
    .join();

/** Counts what was seen, so that none of it can be missing without a test failing. */
function createTally(setup: Setup) {
  const seen = new Set<string>();
  const counts = { reordered: 0, late: 0, runs: 0 };
  return {
    counts,
    add(outcome: Outcome, isReordered: boolean): void {
      counts.runs += 1;
      counts.reordered += isReordered ? 1 : 0;
      counts.late += outcome.late!.length;
      for (const [name, lines] of Object.entries(outcome)) {
        const [what, , rule] = name.split(' ');
        if (what === 'windows' && lines.length > 1) seen.add(`${rule} closes`);
        if (what !== 'alerts') continue;
        for (const line of lines) seen.add(`${rule} ${JSON.parse(line).to}`);
      }
    },
    /** Every rule has fired and resolved, and its windows have closed. */
    check(): void {
      for (const { name, kind } of setup.plan.rules) {
        for (const to of ['firing', 'resolved']) expect(seen).toContain(`${name} ${to}`);
        if (kind === 'window') expect(seen).toContain(`${name} closes`);
      }
      expect(counts.reordered).toBeGreaterThan(counts.runs / 3);
    },
  };
}

interface Device {
  readonly name: string;
  readonly site: string;
}
const DEVICES: readonly Device[] = [
  { name: 'd0', site: 'north' },
  { name: 'd1', site: 'north' },
  { name: 'd2', site: 'north' },
  { name: 'd3', site: 'south' },
];

const fields = fc.record(
  { temp: fc.integer({ min: -2, max: 10 }), door: fc.boolean(), mode: fc.constantFrom('on', 'off') },
  { requiredKeys: ['temp'] },
);

/** No two devices have the same stamp, so that time alone gives the order of their readings. */
const stampOf = (device: number, at: number) => Math.floor(at / 8) * 8 + device;

describe('the interleaving of devices', () => {
  /** Of a group: what neither takes readings as they arrive nor lets the ones before decide whether a late one is taken. */
  const GROUPS = [
    { name: 'group-tumbling', window: { tumbling: '3s' }, conditions: above('sum', 12) },
    { name: 'group-patient', window: { tumbling: '2s', lateness: '2s' }, conditions: above('n', 1), for: '2s' },
    { name: 'group-hopping', window: { hopping: '6s', every: '2s', lateness: '1s' }, conditions: above('sum', 20) },
    { name: 'group-sliding', window: { sliding: '3s', lateness: '1s' }, conditions: above('sum', 14) },
    { name: 'group-strict', per: [], window: { sliding: '2s' }, conditions: above('peak', 8), keepFiring: '1s' },
    { name: 'group-all', per: [], window: { hopping: '4s', every: '1s' }, conditions: above('kinds', 5) },
  ].map((rule) => ({
    stream: 'sensors',
    per: ['site'],
    facts: {
      sum: { sum: 'temp' },
      n: { count: true },
      peak: { max: 'temp' },
      first: { first: 'temp' },
      last: { last: 'mode' },
      spread: { stddev: 'temp' },
      kinds: { distinct: 'temp' },
    },
    ...rule,
  }));
  const OWN = [
    { name: 'hot', stream: 'sensors', conditions: above('temp', 6), clear: below('temp', 3) },
    { name: 'late-hot', stream: 'sensors', conditions: above('temp', 4), for: '2s', keepFiring: '1s' },
    {
      name: 'rising',
      stream: 'sensors',
      facts: { smooth: { ewma: 'temp', halfLife: '2s' } },
      conditions: above('smooth', 4.1),
    },
    { name: 'row', stream: 'sensors', facts: { row: { inARow: above('temp', 4) } }, conditions: above('row', 1) },
    { name: 'silent', stream: 'sensors', silence: '3s', keepFiring: '1s' },
    { name: 'silent-site', stream: 'sensors', per: ['site'], silence: '4s' },
  ];
  // A limit is what the devices of a rule share.
  const SAMPLES = [...WINDOW_SAMPLES, ...AGGREGATE_SAMPLES, ...ALERT_SAMPLES, ...CONDITION_SAMPLES]
    .map(({ limit: _limit, ...rule }: { limit?: object; name: string; stream: string; per?: string[] }) => rule)
    .filter(({ stream, per }) => stream === 'sensors' && (per === undefined || per.includes('device')));
  const setup = setUp([...OWN, ...SAMPLES, ...GROUPS].map(withEvent), {}, SHARED);

  interface Said {
    readonly device: number;
    /** By how much the stamp is behind. */
    readonly behind: number;
    readonly fields: Readonly<Record<string, unknown>>;
    readonly status: string | undefined;
  }
  interface Round {
    readonly pass: number;
    readonly mark: 'connected' | 'disconnected' | undefined;
    readonly said: readonly Said[];
    /** Whose turn it is among those that have something left to say. */
    readonly turns: readonly number[];
  }

  const said: fc.Arbitrary<Said> = fc.record({
    device: fc.nat(DEVICES.length - 1),
    behind: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 900 }) },
      { weight: 2, arbitrary: fc.integer({ min: -500, max: 6_000 }) },
    ),
    fields,
    status: fc.option(fc.constantFrom('online', 'offline'), { nil: undefined, freq: 15 }),
  });
  const rounds: fc.Arbitrary<Round[]> = fc.array(
    fc.record({
      pass: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 100, max: 1_300 }) },
        { weight: 1, arbitrary: fc.integer({ min: 2_000, max: 20_000 }) },
      ),
      mark: fc.option(fc.constantFrom('connected' as const, 'disconnected' as const), { nil: undefined, freq: 12 }),
      said: fc.array(said, { minLength: 1, maxLength: 8 }),
      turns: fc.array(fc.nat(DEVICES.length - 1), { minLength: 8, maxLength: 8 }),
    }),
    { minLength: 5, maxLength: 40, size: 'max' },
  );

  /** All that is said in a round arrives at the same instant, between two ticks. */
  function write(rounds: readonly Round[], order: (round: Round) => readonly Said[]): Script {
    const script = createScript();
    for (const round of rounds) {
      script.tickUntil(script.now + round.pass);
      if (round.mark !== undefined) script.mark(round.mark, 0);
      for (const { device, behind, fields, status } of order(round)) {
        const { name, site } = DEVICES[device]!;
        if (status !== undefined) script.message(`plant/${site}/${name}/status`, status);
        else
          script.reading(name, fields, {
            site,
            ahead: stampOf(device, START_AT + script.now - behind) - START_AT - script.now,
          });
      }
    }
    script.mark('connected', 0);
    script.tickUntil(script.now + 30_000);
    return script;
  }

  /** The same, each device in its own order, but the devices interleaved by the round's turns. */
  function interleaved({ said, turns }: Round): Said[] {
    const queues = DEVICES.map((_, device) => said.filter((each) => each.device === device));
    return said.map((_, i) => {
      const speaking = queues.filter(({ length }) => length > 0);
      return speaking[turns[i]! % speaking.length]!.shift()!;
    });
  }

  it('between two ticks changes nothing of what any rule says of any key, nor how records are cut into arrays', () => {
    fc.assert(
      fc.property(rounds, sizes, (rounds, sizes) => {
        const [one, other] = [write(rounds, ({ said }) => said), write(rounds, interleaved)];
        const outcome = outcomeOf(setup, [one.records], { atArrival: true });
        expect(outcomeOf(setup, chunk(other.records, sizes), { atArrival: true })).toEqual(outcome);
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });

  it('is tested with what it is about', () => {
    const tally = createTally(setup);
    for (const each of fc.sample(rounds, { numRuns: 50, seed: 5 })) {
      const [one, other] = [write(each, ({ said }) => said), write(each, interleaved)];
      tally.add(outcomeOf(setup, [one.records], { atArrival: true }), orderOf(one) !== orderOf(other));
    }
    tally.check();
    expect(tally.counts.late).toBeGreaterThan(20);
  });
});

describe('the order of a device within the lateness', () => {
  const LATENESS_MS = 4_000;
  const WINDOWS = [
    { name: 'tumbling', window: { tumbling: '3s' }, conditions: above('sum', 12) },
    { name: 'hopping', window: { hopping: '6s', every: '2s' }, conditions: above('sum', 15), for: '2s' },
    { name: 'sliding', window: { sliding: '3s' }, conditions: above('sum', 10), clear: below('sum', 7) },
    { name: 'session', window: { session: '2s', max: '9s' }, conditions: above('n', 2), keepFiring: '1s' },
    { name: 'count', window: { count: 4, every: 2 }, conditions: above('sum', 14) },
    {
      name: 'state',
      window: { state: { from: above('temp', 5), until: below('temp', 2) }, max: '12s' },
      conditions: above('n', 2),
    },
  ].map((rule) => ({
    stream: 'sensors',
    facts: {
      sum: { sum: 'temp' },
      n: { count: true },
      mean: { mean: 'temp' },
      first: { first: 'temp' },
      last: { last: 'mode' },
      spread: { stddev: 'temp' },
      trend: { slope: 'temp', per: '1m' },
      held: { timeWeightedMean: 'temp' },
      p50: { percentile: 'temp', p: 50 },
    },
    ...rule,
    window: { ...rule.window, lateness: `${LATENESS_MS}ms` },
  }));
  // Count and state take the readings of a group as they arrive.
  const BY_SITE = WINDOWS.filter(({ name }) => name !== 'count' && name !== 'state').map((rule) => ({
    ...rule,
    name: `${rule.name}-site`,
    per: ['site'],
  }));
  const LADDER = {
    name: 'ladder',
    stream: 'sensors',
    window: { tumbling: '2s', lateness: `${LATENESS_MS}ms` },
    facts: { peak: { max: 'temp' }, last: { last: 'mode' } },
    levels: [
      { severity: 'warning', conditions: above('peak', 5), for: '1s' },
      {
        severity: 'critical',
        conditions: { all: [...above('peak', 7).all, { fact: 'last', operator: 'changed', value: true }] },
      },
    ],
  };
  const setup = setUp([...WINDOWS, ...BY_SITE, LADDER].map(withEvent));

  interface Sending {
    readonly device: number;
    readonly pass: number;
    readonly fields: Readonly<Record<string, unknown>>;
    /** How long it is under way, by either of two ways. */
    readonly delays: readonly [number, number];
  }
  const delay = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: LATENESS_MS }));
  const sendings: fc.Arbitrary<Sending[]> = fc.array(
    fc.record({
      device: fc.nat(DEVICES.length - 1),
      pass: fc.oneof(
        { weight: 12, arbitrary: fc.integer({ min: 8, max: 1_200 }) },
        { weight: 1, arbitrary: fc.integer({ min: 3_000, max: 15_000 }) },
      ),
      fields,
      delays: fc.tuple(delay, delay),
    }),
    { minLength: 5, maxLength: 80, size: 'max' },
  );
  /** By how much the clocks of a site's devices are ahead of ours. */
  const clocks = fc.record({
    north: fc.constantFrom(0, -40, 3_000, -3_600_000),
    south: fc.constantFrom(0, 700, -90_000),
  });

  function write(sendings: readonly Sending[], clocks: Readonly<Record<string, number>>, way: 0 | 1): Script {
    let at = 0;
    const arriving = sendings.map(({ device, pass, fields, delays }) => {
      at += pass;
      const sentAt = stampOf(device, at);
      return { device, fields, sentAt, at: sentAt + delays[way] };
    });
    const script = createScript();
    for (const { device, fields, sentAt, at } of arriving.sort((a, b) => a.at - b.at)) {
      const { name, site } = DEVICES[device]!;
      script.tickUntil(at);
      script.reading(name, fields, { site, ahead: sentAt - at + clocks[site]! });
    }
    script.tickUntil(script.now + 40_000);
    return script;
  }

  it('changes nothing of what windows hold and what their rules say', () => {
    fc.assert(
      fc.property(sendings, clocks, sizes, (sendings, clocks, sizes) => {
        const [one, other] = [write(sendings, clocks, 0), write(sendings, clocks, 1)];
        const outcome = outcomeOf(setup, [one.records], { atArrival: false });
        expect(outcomeOf(setup, chunk(other.records, sizes), { atArrival: false })).toEqual(outcome);
        expect(outcome.late).toEqual([]);
      }),
      { numRuns: 50, endOnFailure: true },
    );
  });

  it('is tested with what it is about', () => {
    const tally = createTally(setup);
    for (const [each, own] of fc.sample(fc.tuple(sendings, clocks), { numRuns: 50, seed: 5 })) {
      const [one, other] = [write(each, own, 0), write(each, own, 1)];
      tally.add(outcomeOf(setup, [one.records], { atArrival: false }), orderOf(one) !== orderOf(other));
    }
    tally.check();
  });
});
