import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { mergeOverlapping, subscriptionsOf } from '../../engine/config/subscriptions.ts';
import { compileTopic } from '../../engine/decode/topic.ts';
import type { Config } from '../../engine/model/config.ts';
import { covers, overlaps } from '../../engine/model/topic.ts';

interface Entry {
  readonly topic: string;
  readonly qos?: 0 | 1 | 2;
  readonly broker?: string;
  readonly status?: { readonly topic: string };
}

function configOf(entries: readonly Entry[], subscribe?: readonly string[]): Config {
  const { config, problems } = parseConfig(
    'weir.json',
    JSON.stringify({
      data: 'data',
      rules: 'rules',
      mqtt: [
        { name: 'a', url: 'mqtt://a', clientId: 'a', ...(subscribe && { subscribe }) },
        { name: 'b', url: 'mqtt://b', clientId: 'b' },
      ],
      streams: Object.fromEntries(
        entries.map((entry, i) => [`s${i}`, { format: 'json', device: 'id', fields: { temp: 'number' }, ...entry }]),
      ),
      nats: { servers: 'nats://n' },
      clickhouse: { url: 'http://c', database: 'weir' },
    }),
    '/etc/weir',
  );
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

function subscriptions(entries: readonly Entry[]): string[] {
  const config = configOf(entries);
  return subscriptionsOf(config, config.mqtt[0]!).map(({ filter, qos }) => `${filter} ${qos}`);
}

describe('subscriptions', () => {
  it.each<[string, readonly Entry[], readonly string[]]>([
    ['of a template are its filter', [{ topic: 'plant/{site}/{x}/data' }], ['plant/+/+/data 1']],
    [
      'hold topics and status topics',
      [{ topic: 'a/{x}', status: { topic: 's/{device}' }, qos: 2 }],
      ['a/+ 2', 's/+ 2'],
    ],
    [
      'name the same filter once, with the higher QoS',
      [
        { topic: 'a/{x}', qos: 0, status: { topic: 's/{device}' } },
        { topic: 'b/{x}', qos: 1, status: { topic: 's/{device}' } },
      ],
      ['a/+ 0', 's/+ 1', 'b/+ 1'],
    ],
    [
      'leave out what another one covers, and take its QoS over',
      [
        { topic: 'a/b/c', qos: 2 },
        { topic: 'a/#', qos: 0 },
      ],
      ['a/# 2'],
    ],
    [
      'leave out what two cover that do not cover each other',
      [{ topic: 'a/b' }, { topic: '+/b', qos: 0 }, { topic: 'a/+', qos: 0 }],
      ['+/b 1', 'a/+ 1'],
    ],
    ['keep filters that merely overlap', [{ topic: 'a/+' }, { topic: '+/b' }], ['a/+ 1', '+/b 1']],
    [
      'leave out streams of the other broker',
      [
        { topic: 'a/+', broker: 'b' },
        { topic: 'c/+', broker: 'a' },
      ],
      ['c/+ 1'],
    ],
    [
      'go through a chain of ever broader ones',
      [{ topic: 'a/b/c' }, { topic: 'a/b/+' }, { topic: 'a/#' }, { topic: '#' }],
      ['# 1'],
    ],
    [
      'ask for topics that wildcards leave out',
      [{ topic: '#' }, { topic: '$SYS/broker/load' }],
      ['# 1', '$SYS/broker/load 1'],
    ],
  ])('%s', (_, entries, expected) => {
    expect(subscriptions(entries)).toEqual(expected);
  });

  it('are those of the config if it has some, except filters that another one covers', () => {
    const config = configOf(
      [{ topic: 'plant/a' }],
      ['plant/+', '$share/g/plant/a', 'plant/#', '$share/g/plant/#', 'x'],
    );
    expect(subscriptionsOf(config, config.mqtt[0]!)).toEqual([
      { filter: 'plant/#', qos: 1 },
      { filter: 'x', qos: 1 },
      { filter: '$share/g/plant/a', qos: 1 },
      { filter: '$share/g/plant/#', qos: 1 },
    ]);
  });

  it('get every topic that a stream needs, with at least its QoS, and none of them covers another', () => {
    const level = fc.constantFrom('a', 'b', '+', '$x');
    const topic = fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/'));
    const entry = fc.record({ topic, qos: fc.constantFrom<0 | 1 | 2>(0, 1, 2) });
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c', '$x'), { minLength: 1, maxLength: 4 })
      .map((levels) => levels.join('/'));
    const matches = (filter: string, name: string) => compileTopic(filter).match(name) !== undefined;
    fc.assert(
      fc.property(
        fc.uniqueArray(entry, { minLength: 1, maxLength: 6, selector: ({ topic }) => topic }),
        fc.array(name, { maxLength: 10 }),
        (entries, names) => {
          const config = configOf(entries);
          const found = subscriptionsOf(config, config.mqtt[0]!);
          for (const name of names) {
            const wanted = entries.filter((entry) => matches(entry.topic, name)).map(({ qos }) => qos);
            const given = found.filter(({ filter }) => matches(filter, name)).map(({ qos }) => qos);
            if (wanted.length > 0) expect(Math.max(...given)).toBeGreaterThanOrEqual(Math.max(...wanted));
            else expect(given).toEqual([]);
          }
          for (const one of found) {
            for (const other of found) if (one !== other) expect(covers(one.filter, other.filter)).toBe(false);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('subscriptions that overlap', () => {
  const qos = 1;
  const all = (...filters: readonly string[]) => filters.map((filter) => ({ filter, qos }) as const);
  const level = fc.constantFrom('a', 'b', '+', '$x');
  const filters = fc.uniqueArray(
    fc
      .tuple(fc.array(level, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([levels, open]) => [...levels, ...(open ? ['#'] : [])].join('/')),
    { maxLength: 6 },
  );

  it.each<[readonly string[], readonly string[]]>([
    [['a/+/x', 'a/b/#'], ['a/+/#']],
    [
      ['a/+', 'b/+', 'a/b', 'c'],
      ['b/+', 'a/+', 'c'],
    ],
    // The merged filter overlaps a filter that neither of the two overlapped.
    [
      ['x/z', 'a/+/c', '+/b/c'],
      ['x/z', '+/+/c'],
    ],
    [
      ['a/b/+', 'x/y', 'a/+/c', '+/y'],
      ['a/+/+', '+/y'],
    ],
    [
      ['$share/g/a/#', 'a/+', '$share/h/a/#'],
      ['$share/g/a/#', 'a/+', '$share/h/a/#'],
    ],
  ])('%j are merged to %j', (given, expected) => {
    expect(mergeOverlapping(all(...given)).map(({ filter }) => filter)).toEqual(expected);
  });

  it('are merged until none overlaps, and match all topics', () => {
    fc.assert(
      fc.property(filters, (given) => {
        const merged = mergeOverlapping(all(...given));
        expect(merged.flatMap(({ of }) => of).sort()).toEqual([...given].sort());
        for (const one of merged) {
          for (const part of one.of) expect(covers(one.filter, part)).toBe(true);
          for (const other of merged) if (one !== other) expect(overlaps(one.filter, other.filter)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });
});
