import { configSchema } from '../../../engine/config/config-schema.ts';
import { compileTopic } from '../../../engine/decode/topic.ts';
import { createLines } from '../../../engine/document/document.ts';
import { editDistance } from '../../../engine/document/suggest.ts';
import { ruleSchema } from '../../../engine/language/schema/rule-schema.ts';
import { parseBytes } from '../../../engine/model/bytes.ts';
import { parseDuration } from '../../../engine/model/duration.ts';
import type { JsonSchema } from '../../../engine/model/json-schema.ts';
import { type Comparison, countRight, cpuRatio } from './measure.ts';

type Distance = (a: string, b: string) => number;

/** Typing errors in every key of the schemas. A distance must find the intended key within the bound of `suggest`. */
export const compareSuggestions: Comparison = async (candidates) => {
  const { distance } = (await candidates.load<{ default: { distance: Distance } }>('fastest-levenshtein')).default;
  type Damerau = { default: (a: string, b: string) => { steps: number } };
  const { default: damerau } = await candidates.load<Damerau>('damerau-levenshtein');
  const cases = [configSchema, ruleSchema]
    .flatMap(siblings)
    .flatMap((names) => names.flatMap((name) => typos(name).map((typo) => ({ typo, name, names }))));
  const right = (of: Distance) => countRight(cases, ({ typo, name, names }) => nearest(of, typo, names) === name);
  const spend = (of: Distance) => () => cases.slice(0, 500).map(({ typo, names }) => nearest(of, typo, names));
  const distances: [string, Distance][] = [
    ['fastest-levenshtein', distance],
    ['damerau-levenshtein', (a, b) => damerau(a, b).steps],
  ];
  return distances.map(([candidate, of]) => ({
    thing: 'suggestions',
    candidate,
    right: { of: 'misspelt keys', ours: right(editDistance), theirs: right(of), total: cases.length },
    cpu: cpuRatio(spend(editDistance), spend(of)),
  }));
};

function siblings(schema: JsonSchema): string[][] {
  const { properties = {}, definitions = {}, anyOf = [], items, additionalProperties } = schema;
  const inner = [...Object.values(properties), ...Object.values(definitions), ...anyOf];
  if (items !== undefined) inner.push(items);
  if (typeof additionalProperties === 'object') inner.push(additionalProperties);
  return [Object.keys(properties), ...inner.flatMap(siblings)];
}

/** At each position: a letter omitted, doubled or replaced, and two neighbours swapped. */
function typos(name: string): string[] {
  const places = Array.from(name, (_, i) => [name.slice(0, i), name.slice(i)] as const);
  return places
    .flatMap(([head, tail]) => [
      head + tail.slice(1),
      head + tail[0] + tail,
      `${head}z${tail.slice(1)}`,
      head + (tail[1] ?? '') + tail[0] + tail.slice(2),
    ])
    .filter((typo) => typo !== name);
}

function nearest(distance: Distance, typo: string, names: readonly string[]): string | undefined {
  const bound = Math.max(1, Math.floor(typo.length / 3));
  const distances = names.map((name) => [name, distance(typo, name)] as const).sort(([, a], [, b]) => a - b);
  return distances.find(([, steps]) => steps <= bound)?.[0];
}

/** Durations and sizes by the grammar of the config and of rule files; undefined for other texts. */
const DURATIONS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ...(Object.entries({
    '0s': 0,
    '250ms': 250,
    '10s': 10_000,
    '1.5m': 90_000,
    '2h': 7_200_000,
    '1d': 86_400_000,
    '1.001s': 1_001,
  }) as [string, number][]),
  ...[
    '',
    '10',
    '-5s',
    '+5s',
    '5 s',
    '.5s',
    '5.s',
    '1h30m',
    '1w',
    '1y',
    '10S',
    '1e3s',
    '5sec',
    '10 minutes',
    '٣s',
    's',
  ].map((text) => [text, undefined] as const),
];
const SIZES: readonly (readonly [text: string, bytes: number | undefined])[] = [
  ...(Object.entries({
    '1B': 1,
    '5kB': 5_000,
    '5MB': 5e6,
    '1.5GB': 1.5e9,
    '64KiB': 65_536,
    '32MiB': 33_554_432,
    '1 GiB': 1_073_741_824,
  }) as [string, number][]),
  ...['', '-1B', '5m', '5mb', '1TB', '1.5.5MB', 'MB', '5MBs'].map((text) => [text, undefined] as const),
];

type Parse = (text: string) => number | null | undefined;

export const compareQuantities: Comparison = async (candidates) => {
  const { default: ms } = await candidates.load<{ default: Parse }>('ms');
  const { default: parse } = await candidates.load<{ default: Parse }>('parse-duration');
  const { default: bytes } = await candidates.load<{ default: { parse: Parse } }>('bytes');
  const rows: [string, string, Parse, Parse, typeof DURATIONS][] = [
    ['durations', 'ms', parseDuration, ms, DURATIONS],
    ['durations', 'parse-duration', parseDuration, parse, DURATIONS],
    ['sizes', 'bytes', parseBytes, bytes.parse, SIZES],
  ];
  return rows.map(([thing, candidate, own, their, cases]) => {
    const right = (of: Parse) => countRight(cases, ([text, value]) => (of(text) ?? undefined) === value);
    const written = cases.filter(([, value]) => value !== undefined).map(([text]) => text);
    return {
      thing,
      candidate,
      right: { of: 'texts by the documented grammar', ours: right(own), theirs: right(their), total: cases.length },
      cpu: cpuRatio(
        () => written.map(own),
        () => written.map(their),
      ),
    };
  });
};

/** The examples of MQTT 5.0, section 4.7: filter, topic, and whether they match. */
const MATCHES: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/tennis/player1/#', 'sport/tennis/player2', false],
  ['sport/#', 'sport', true],
  ['#', 'sport/tennis', true],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['+/tennis/#', 'sport/tennis', true],
  ['#', '$SYS/broker/load', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['+/#', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/monitor/Clients', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['ACCOUNTS', 'Accounts', false],
  ['finance', '/finance', false],
  ['a/+/b', 'a//b', true],
  ['a/b', 'a/b/', false],
  ['a/b/', 'a/b', false],
  ['a/#', 'ab', false],
];

export const compareTopics: Comparison = async (candidates) => {
  type Match = (filter: string, topic: string) => boolean;
  const { default: match } = await candidates.load<{ default: Match }>('mqtt-match');
  const { default: pattern } = await candidates.load<{
    default: { matches: Match; exec: (filter: string, topic: string) => unknown };
  }>('mqtt-pattern');
  const ours: Match = (filter, topic) => compileTopic(filter).match(topic) !== undefined;
  const right = (of: Match) => countRight(MATCHES, ([filter, topic, matches]) => of(filter, topic) === matches);
  const topics = Array.from({ length: 1_000 }, (_, i) => `plant/site-${i % 7}/dev-${i}/data`);
  const { match: take } = compileTopic('plant/{site}/{device}/data');
  const rows: [string, Match, (topic: string) => unknown][] = [
    ['mqtt-match', match, (topic) => match('plant/+/+/data', topic)],
    ['mqtt-pattern', pattern.matches, (topic) => pattern.exec('plant/+site/+device/data', topic)],
  ];
  return rows.map(([candidate, of, takeApart]) => ({
    thing: 'MQTT topics',
    candidate,
    right: { of: 'examples of MQTT 5.0, 4.7', ours: right(ours), theirs: right(of), total: MATCHES.length },
    cpu: cpuRatio(
      () => topics.map(take),
      () => topics.map(takeApart),
    ),
  }));
};

export const compareLines: Comparison = async (candidates) => {
  type Lines = {
    LinesAndColumns: new (
      text: string,
    ) => { locationForIndex: (index: number) => { line: number; column: number } | null };
  };
  const { LinesAndColumns } = await candidates.load<Lines>('lines-and-columns');
  const text = Array.from({ length: 500 }, (_, i) => `  "key ${i}": ${i},\n`).join('');
  const offsets = Array.from({ length: 100 }, (_, i) => Math.floor((text.length * i) / 100));
  const locate = createLines(text);
  const right = countRight(offsets, (offset) => {
    const theirs = new LinesAndColumns(text).locationForIndex(offset);
    const { line, column } = locate(offset);
    return theirs?.line === line - 1 && theirs.column === column - 1;
  });
  const spend = () => offsets.map(createLines(text));
  const theirs = new LinesAndColumns(text);
  return [
    {
      thing: 'line and column',
      candidate: 'lines-and-columns',
      right: { of: 'offsets', ours: right, theirs: right, total: offsets.length },
      cpu: cpuRatio(spend, () => offsets.map((offset) => theirs.locationForIndex(offset))),
    },
  ];
};
