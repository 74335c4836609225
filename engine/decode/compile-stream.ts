import type { FieldConfig, Place, StreamConfig } from '../model/config.ts';
import { createExactParser, createParser } from './formats.ts';
import { assignSlots, type Locator, type Slots } from './paths.ts';
import { compileTopic, type TopicTemplate } from './topic.ts';

/** The decoder of a stream: its config, compiled. */
export interface StreamDecoder {
  readonly index: number;
  readonly config: StreamConfig;
  readonly topic: TopicTemplate;
  /** Position of `{field}` among the topic's names, or -1. */
  readonly fieldLevel: number;
  readonly parse: (payload: Uint8Array) => unknown;
  /** See `createExactParser`. */
  readonly parseExactly: ((payload: Uint8Array) => (line: number) => unknown) | undefined;
  /** Path of `each`; empty for `$`. Undefined: the stream has no `each`. */
  readonly each: readonly string[] | undefined;
  readonly slots: Slots;
  readonly device: Origin;
  readonly labels: readonly Origin[];
  readonly labelsInPayload: boolean;
  readonly time: Locator | undefined;
  readonly sequence: Locator | undefined;
  readonly fields: readonly { readonly config: FieldConfig; readonly locator: Locator }[];
  /** Whether elements may be arrays, because a path begins with an index. */
  readonly arrays: boolean;
  readonly status: StatusDecoder | undefined;
}

/** Where a device or label comes from: a level of the topic (by position among its names), or the payload. */
export type Origin = { readonly level: number } | { readonly locator: Locator };

/** The decoder of a stream's status topic. */
export interface StatusDecoder {
  readonly topic: TopicTemplate;
  /** Position of the device among the topic's names. */
  readonly device: number;
  /** Positions of the labels among the topic's names; -1 for a label that the topic does not name. */
  readonly labels: readonly number[];
  readonly offline: ReadonlySet<string>;
  readonly online: ReadonlySet<string>;
}

/**
 * Compiles a stream's config. The config must have been checked. So it throws if a template does not compile, or if its topic has no such
 * placeholder, because this is then a fault of the program.
 */
export function compileStream(config: StreamConfig, index: number): StreamDecoder {
  const topic = compileTopic(config.topic);
  const places = [config.device, ...config.labels.map((label) => label.place)];
  const paths = [
    ...places.flatMap((place) => ('path' in place ? place.path : [])),
    ...config.fields.map((field) => field.path),
  ];
  if (config.time !== undefined) paths.push(config.time.path);
  if (config.sequence !== undefined) paths.push(config.sequence.path);
  const { slots, locators } = assignSlots(paths, config.each !== undefined);
  let next = 0;
  const originOf = (place: Place): Origin =>
    'path' in place ? { locator: locators[next++]! } : { level: levelOf(config, topic, place.topic) };
  return {
    index,
    config,
    topic,
    fieldLevel: topic.names.indexOf('field'),
    parse: createParser(config.format, config.limits),
    parseExactly: createExactParser(config.format),
    each: config.each === undefined ? undefined : eachPath(config.each),
    slots,
    device: originOf(config.device),
    labels: config.labels.map((label) => originOf(label.place)),
    labelsInPayload: config.labels.some((label) => 'path' in label.place),
    fields: config.fields.map((field) => ({ config: field, locator: locators[next++]! })),
    time: config.time === undefined ? undefined : locators[next++]!,
    sequence: config.sequence === undefined ? undefined : locators[next++]!,
    arrays: [...slots.roots.keys()].some((key) => /^\d+$/.test(key)),
    status: compileStatus(config),
  };
}

function levelOf(config: StreamConfig, topic: TopicTemplate, name: string): number {
  const level = topic.names.indexOf(name);
  if (level < 0) throw new Error(`Stream "${config.name}": its topic has no placeholder {${name}}.`);
  return level;
}

function eachPath(each: string): readonly string[] {
  if (each === '$') return [];
  return (each.startsWith('$.') ? each.slice(2) : each).split('.');
}

/** The device's placeholder in the status topic has the same name as in the stream's topic, or is `{device}`. */
function compileStatus(config: StreamConfig): StatusDecoder | undefined {
  if (config.status === undefined) return undefined;
  const topic = compileTopic(config.status.topic);
  const name = 'topic' in config.device && topic.names.includes(config.device.topic) ? config.device.topic : 'device';
  return {
    topic,
    device: levelOf({ ...config, name: `${config.name}, status` }, topic, name),
    labels: config.labels.map(({ place }) => ('topic' in place ? topic.names.indexOf(place.topic) : -1)),
    offline: new Set(config.status.offline),
    online: new Set(config.status.online),
  };
}
