// Longer than most: it reads every part of a reading, in one pass per reading that allocates as little as possible.
import type { FieldConfig } from '../model/config.ts';
import type { FieldValue } from '../model/field.ts';
import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import type { StreamDecoder } from './compile-stream.ts';
import { addUndeclared, tooManyFields, type Undeclared, type UndeclaredPolicy } from './extra.ts';
import { checkField } from './fields.ts';
import { type Hash, hashTopic, identify, identifyNumbered } from './identity.ts';
import type { ScannedReadings } from './json-scan.ts';
import { readDevice, readLabel } from './origin.ts';
import { type Locator, resolve } from './paths.ts';
import { describeValue, isPlainObject, Rejection } from './rejection.ts';
import { readSequence } from './sequence-number.ts';
import { explainTime, readTime } from './timestamps.ts';

/** What a data topic says about the readings of its messages. */
export interface DataTopic {
  /** The device id. Undefined: the payload has it. */
  readonly device: string | Rejection | undefined;
  /** Labels in the stream's order. A label that is in the payload is empty here. */
  readonly labels: readonly string[] | Rejection;
  /** The value of `{field}`. Undefined: the topic template has no such placeholder. */
  readonly field: string | undefined;
  /** Hash state of the topic. */
  readonly seed: Hash;
}

/** The message that is being read. One object is reused for all messages. */
export interface MessageContext {
  record: MessageRecord;
  /** The current time, from which ages are counted. For a redriven message it is later than the receive time. */
  nowAt: number;
  topic: DataTopic;
  /** Hash of topic and payload. Not used for streams with a sequence. */
  readonly hash: Hash;
  /** Whether numbers have all digits: integers that would lose digits in a double are bigint. */
  exact: boolean;
}

const DAY_MS = 86_400_000;

/** Makes the readings of one stream. Call `begin` with a message's root value before its elements are read. */
export interface ReadingReader {
  readonly begin: (root: unknown) => void;
  readonly read: (element: unknown, index: number, context: MessageContext) => Reading | Rejection;
  /** Makes the reading with this number of those that a scanner has read. */
  readonly readScanned: (scanned: ScannedReadings, number: number, context: MessageContext) => Reading | Rejection;
  /** Makes the reading of a `plain` payload from its text. */
  readonly readPlain: (text: string, context: MessageContext) => Reading | Rejection;
}

/** The largest integer up to which a double holds every integer. */
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** What the functions below need to make readings of one stream, and the scratch space that they reuse. */
interface Workspace {
  readonly stream: StreamDecoder;
  readonly maxAheadMs: number;
  readonly retainMs: number;
  readonly undeclared: UndeclaredPolicy;
  /** Hash state of the stream's name. */
  readonly seed: Hash;
  readonly counters: Counters;
  /** By slot: the root values of a reading, and the values at paths from the message's root. The slots begin at `base`. */
  raw: readonly unknown[];
  base: number;
  /** The values of the reading that was read from an object. */
  readonly ofObject: unknown[];
  readonly found: Undeclared;
  readonly id: Hash;
}

/**
 * Makes the reader of a stream. It keeps scratch space between calls, but no reading depends on an earlier one.
 * Undeclared keys are searched only in the reading. What is beside the array of `each` is an envelope that only `$.` paths read.
 */
export function createReadingReader(stream: StreamDecoder, maxAheadMs: number, counters: Counters): ReadingReader {
  const { config, slots } = stream;
  const ofObject = Array.from({ length: slots.size }, () => undefined);
  const space: Workspace = {
    stream,
    maxAheadMs,
    retainMs: (config.ttlDays ?? Number.POSITIVE_INFINITY) * DAY_MS,
    undeclared: { undeclared: config.undeclared, maxFields: config.limits.fields },
    seed: hashTopic(config.name),
    counters,
    raw: ofObject,
    base: 0,
    ofObject,
    found: { extra: undefined, ignored: 0, keys: 0 },
    id: { high: 0, low: 0 },
  };
  return {
    begin(root) {
      for (let i = 0; i < slots.messagePaths.length; i++)
        space.ofObject[slots.roots.size + i] = resolve(root, slots.messagePaths[i]!);
    },
    read: (element, index, context) => read(space, element, index, context),
    readScanned: (scanned, number, context) => readScanned(space, scanned, number, context),
    readPlain: (text, context) => readPlain(space, text, context),
  };
}

function read(space: Workspace, element: unknown, index: number, context: MessageContext): Reading | Rejection {
  const { stream } = space;
  if (!isPlainObject(element) && !(stream.arrays && Array.isArray(element))) return notAnObject(element, stream);
  const fault = scan(space, element as Record<string, unknown>);
  return fault ?? readSlots(space, index, context);
}

function readScanned(
  space: Workspace,
  { values, ignored, extras }: ScannedReadings,
  number: number,
  context: MessageContext,
): Reading | Rejection {
  const { found } = space;
  space.raw = values;
  space.base = number * space.stream.slots.size;
  found.extra = extras[number];
  found.ignored = ignored[number]!;
  return readSlots(space, number, context);
}

/** Makes the reading whose values are in the slots. */
function readSlots(space: Workspace, index: number, context: MessageContext): Reading | Rejection {
  const values = readValues(space, context.exact);
  if (values instanceof Rejection) return values;
  return values === undefined ? noFields(space.stream) : finish(space, values, index, context);
}

function readPlain(space: Workspace, text: string, context: MessageContext): Reading | Rejection {
  const { stream, found } = space;
  const { fields } = stream;
  const name = context.topic.field;
  const wanted = fields.findIndex(({ config }) => (name === undefined ? fields.length === 1 : config.path === name));
  if (wanted < 0) return noPlainField(stream, name);
  useObject(space);
  space.ofObject.fill(undefined);
  found.extra = undefined;
  found.ignored = 0;
  const checked = checkField(text, fields[wanted]!.config, true, true);
  if (checked instanceof Rejection) return checked;
  const values = fields.map((_, i) => (i === wanted ? checked : undefined));
  return finish(space, values, 0, context);
}

function useObject(space: Workspace): void {
  space.raw = space.ofObject;
  space.base = 0;
}

/** Puts every root value in its slot and applies the policy to undeclared fields, in one pass over the keys. */
function scan(space: Workspace, element: Record<string, unknown>): Rejection | undefined {
  const { stream, undeclared, ofObject: raw, found } = space;
  const { roots } = stream.slots;
  useObject(space);
  for (let i = 0; i < roots.size; i++) raw[i] = undefined;
  found.extra = undefined;
  found.ignored = 0;
  found.keys = 0;
  for (const key in element) {
    if (++found.keys > undeclared.maxFields) return tooManyFields(undeclared.maxFields);
    const root = roots.get(key);
    const value = element[key];
    if (root !== undefined) {
      raw[root.slot] = value;
      if (root.node.read) continue;
    }
    const fault = addUndeclared(key, value, root?.node, undeclared, found);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** The values of the declared fields, in their order. Undefined: the reading has none of them. */
function readValues(space: Workspace, exact: boolean): (FieldValue | undefined)[] | undefined | Rejection {
  const { fields, config } = space.stream;
  // An array that grows takes more memory than it needs.
  const values = new Array<FieldValue | undefined>(fields.length);
  let present = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    const value = locate(space, field.locator);
    if (value === undefined || value === null) {
      values[i] = undefined;
      continue;
    }
    present++;
    // The usual case. The bounds exclude NaN, the infinities and unsafe integers, because every larger number is an integer.
    if (typeof value === 'number' && field.config.type === 'number' && value >= -MAX_SAFE && value <= MAX_SAFE) {
      values[i] = value;
      continue;
    }
    const checked = checkField(value, field.config, config.coerce, exact);
    if (checked instanceof Rejection) return checked;
    values[i] = checked;
  }
  return present === 0 ? undefined : values;
}

/** Makes the reading of these values, with its device, labels, time and identity. */
function finish(
  space: Workspace,
  values: (FieldValue | undefined)[],
  index: number,
  { record, nowAt, topic, hash }: MessageContext,
): Reading | Rejection {
  const { stream, id } = space;
  const device = topic.device ?? deviceOf(space);
  if (device instanceof Rejection) return device;
  const labels = labelsOf(space, topic);
  if (labels instanceof Rejection) return labels;
  const stamp = timeOf(space, record.at);
  if (stamp instanceof Rejection) return stamp;
  if (stamp < nowAt - space.retainMs) return expired(stamp, stream);
  const sequence = sequenceOf(space);
  if (sequence instanceof Rejection) return sequence;
  if (sequence === undefined) identify(hash, index, id);
  else identifyNumbered(space.seed, device, sequence, stamp, id);
  return createReading(space, record, device, labels, stamp, sequence, values);
}

function createReading(
  { stream, maxAheadMs, found, id, counters }: Workspace,
  record: MessageRecord,
  device: string,
  labels: readonly string[],
  stamp: number,
  sequence: number | undefined,
  values: (FieldValue | undefined)[],
): Reading {
  counters.fields_ignored += found.ignored;
  const clamped = stamp > record.at + maxAheadMs;
  if (clamped) counters.readings_clamped++;
  const reading: Reading = {
    kind: 'reading',
    stream: stream.index,
    device,
    labels,
    time: clamped ? record.at : stamp,
    receivedAt: record.at,
    connection: record.connection,
    offset: record.offset,
    sequence,
    idHigh: id.high,
    idLow: id.low,
    values,
    extra: found.extra,
    clamped,
    liveMs: 0,
    attributes: undefined,
    place: undefined,
    late: false,
  };
  if (clamped) reading.stamp = stamp;
  return reading;
}

function locate({ raw, base }: Workspace, locator: Locator): unknown {
  const value = raw[base + locator.slot];
  return locator.rest === undefined || value === undefined ? value : resolve(value, locator.rest);
}

function deviceOf(space: Workspace): string | Rejection {
  const { device, config } = space.stream;
  return readDevice('locator' in device ? locate(space, device.locator) : undefined, config.device);
}

function labelsOf(space: Workspace, topic: DataTopic): readonly string[] | Rejection {
  const { stream } = space;
  if (!stream.labelsInPayload || topic.labels instanceof Rejection) return topic.labels;
  const labels: string[] = [];
  for (let i = 0; i < stream.labels.length; i++) {
    const origin = stream.labels[i]!;
    const label =
      'locator' in origin ? readLabel(locate(space, origin.locator), stream.config.labels[i]!.name) : topic.labels[i]!;
    if (label instanceof Rejection) return label;
    labels.push(label);
  }
  return labels;
}

function timeOf(space: Workspace, receivedAt: number): number | Rejection {
  const { time, config } = space.stream;
  if (time === undefined || config.time === undefined) return receivedAt;
  const value = locate(space, time);
  const { path, unit } = config.time;
  if (value === undefined || value === null) {
    return new Rejection(
      'missing-time',
      `the payload has no time at "${path}"; send it there, or remove "time" from the stream to use the receive time`,
    );
  }
  const at = readTime(value, unit);
  return Number.isNaN(at) ? new Rejection('invalid-time', `the time at "${path}": ${explainTime(value, unit)}`) : at;
}

/** Rejects a reading that is too old. ClickHouse would drop its row at once or at the next merge, without a trace. */
function expired(time: number, { config }: StreamDecoder): Rejection {
  // The text does not say how old it is: it would change with time, and a retry would see another fault of the dead letter.
  const keeps = `is older than the ${config.ttlDays} days that the stream keeps; correct the device's clock, or raise the stream's "retain"`;
  const what = config.time === undefined ? 'its receive time' : 'its stamp';
  return new Rejection('expired', `${what} ${new Date(time).toISOString()} ${keeps}`);
}

function sequenceOf(space: Workspace): number | Rejection | undefined {
  const { sequence, config } = space.stream;
  if (sequence === undefined || config.sequence === undefined) return undefined;
  return readSequence(locate(space, sequence), config.sequence, config.coerce);
}

function notAnObject(element: unknown, { config }: StreamDecoder): Rejection {
  const remedy =
    Array.isArray(element) && config.each === undefined
      ? 'set "each": "$" if its elements are the readings'
      : 'send an object, or set the stream\'s format to "plain" if the payload is one value';
  return new Rejection('not-an-object', `found ${describeValue(element)} instead of a reading; ${remedy}`);
}

function noFields({ config }: StreamDecoder): Rejection {
  return new Rejection(
    'no-fields',
    `the reading has none of the declared fields (${placesOf(config.fields)}); send at least one of them`,
  );
}

function noPlainField({ config }: StreamDecoder, name: string | undefined): Rejection {
  const places = placesOf(config.fields);
  if (name !== undefined) {
    return new Rejection(
      'no-fields',
      `the topic names the field ${JSON.stringify(name)}, but the stream declares ${places}; declare it or send one of these`,
    );
  }
  return new Rejection(
    'no-fields',
    `the topic does not say which of the fields ${places} the payload is; add {field} to the stream's topic`,
  );
}

function placesOf(fields: readonly FieldConfig[]): string {
  const some = fields.slice(0, 5).map((field) => field.path);
  return some.join(', ') + (fields.length > some.length ? ', …' : '');
}
