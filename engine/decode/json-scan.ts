// Longer than most: it reads objects, arrays of them, lines and envelopes with one cursor.
import type { StreamConfig } from '../model/config.ts';
import { createShortTexts, type ShortTexts } from '../model/short-texts.ts';
import type { StreamDecoder } from './compile-stream.ts';
import { addUndeclared, type Undeclared, type UndeclaredPolicy } from './extra.ts';
import {
  beginMembers,
  COMMA,
  endMember,
  expect,
  FAILED,
  fail,
  isKey,
  type JsonCursor,
  NEWLINE,
  next,
  skipKey,
  skipSpace,
  takeKnownKey,
} from './json-cursor.ts';
import { readScalar } from './json-scalars.ts';
import type { Slots } from './paths.ts';

/** The readings of a message that `JsonScanner` has read. It is reused: valid until the next message. */
export interface ScannedReadings {
  /** By reading and slot: the root values of a reading, and the values at paths from the message's root (see `Slots`). */
  readonly values: unknown[];
  /** By reading: the number of undeclared fields that were ignored, and those that are kept. */
  readonly ignored: number[];
  readonly extras: (Undeclared['extra'] | undefined)[];
}

/**
 * Reads the declared values of a usual JSON message directly from its bytes, without building its objects. A usual message has flat objects
 * of ASCII text without escapes. All others are left to `JSON.parse`: what this reader accepts, it reads exactly as if `JSON.parse` had.
 */
export interface JsonScanner {
  readonly readings: ScannedReadings;
  /** The number of readings of a payload; -1 if the message is not a usual one, or not valid. */
  scan(payload: Uint8Array): number;
}

/** A key that is read: its bytes in the text, its slot, and where its texts come from. */
interface Key {
  readonly bytes: Uint8Array;
  readonly slot: number;
  readonly texts: ShortTexts | undefined;
}

interface Scan {
  readonly cursor: JsonCursor;
  readonly keys: readonly Key[];
  /** The member of the message that has the array of readings, and the members that `$.` paths read. Undefined: there is no envelope. */
  readonly envelope: { readonly array: Uint8Array; readonly keys: readonly Key[] } | undefined;
  /** Which of `keys` was the n-th of an object most recently: objects of a stream have the same order. */
  readonly order: number[];
  /** Positions of the undeclared keys of the object: start and end of each. */
  readonly undeclared: number[];
  readonly policy: UndeclaredPolicy;
  readonly found: Undeclared;
  readonly slots: Slots;
  readonly mostReadings: number;
  readonly readings: ScannedReadings;
}

const UNDERSCORE = 0x5f;
const BEGIN_ARRAY = 0x5b;
const END_ARRAY = 0x5d;
/** An object with more undeclared keys is left to `JSON.parse`: each key is compared with those before it. */
const MOST_UNDECLARED = 32;
/** The space for more readings is given back after the message. */
const KEPT_READINGS = 256;

/** Makes the scanner of a stream. Undefined if its format is not JSON, or its paths go below the first level of a reading. */
export function createJsonScanner({ config, slots, each, time, fields }: StreamDecoder): JsonScanner | undefined {
  if (!isEligible(config, slots, each)) return undefined;
  const texts = createShortTexts();
  // Stamps never repeat.
  const textsOf = (slot: number) => (slot === time?.slot ? undefined : texts);
  const keyOf = (name: string, slot: number): Key => ({ bytes: Buffer.from(name), slot, texts: textsOf(slot) });
  const scan: Scan = {
    cursor: { bytes: Buffer.alloc(0), at: 0, lines: config.format === 'ndjson' },
    keys: Array.from(slots.roots, ([name, { slot }]) => keyOf(name, slot)),
    envelope:
      each?.length === 1
        ? {
            array: Buffer.from(each[0]!),
            keys: slots.messagePaths.map((path, i) => keyOf(path[0]!, slots.roots.size + i)),
          }
        : undefined,
    order: Array.from({ length: fields.length + 8 }, (_, i) => i),
    undeclared: [],
    policy: { undeclared: config.undeclared, maxFields: config.limits.fields },
    found: { extra: undefined, ignored: 0, keys: 0 },
    slots,
    mostReadings: config.limits.readings,
    readings: { values: [], ignored: [], extras: [] },
  };
  const read = scan.cursor.lines ? readLines : each === undefined ? readSingle : readMany;
  return {
    readings: scan.readings,
    scan(payload) {
      if (payload.length > config.limits.bytes) return FAILED;
      scan.cursor.bytes = bufferOf(payload);
      scan.cursor.at = 0;
      if (scan.readings.values.length > KEPT_READINGS * slots.size) scan.readings.values.length = 0;
      const count = read(scan);
      return scan.cursor.at === payload.length ? count : FAILED;
    },
  };
}

function isEligible({ format, limits }: StreamConfig, slots: Slots, each: readonly string[] | undefined): boolean {
  const depth = each === undefined ? 1 : 2 + each.length;
  const isJson = format === 'json' || (format === 'ndjson' && each === undefined);
  const isFlat = [...slots.roots.values()].every(({ node }) => node.children.size === 0);
  const paths = slots.messagePaths.map((path) => path.join('.'));
  // This key is forbidden, so it must not be read.
  const isHarmless = ![...slots.roots.keys(), ...paths, ...(each ?? [])].includes('__proto__');
  const hasPlainEnvelope =
    each === undefined ||
    (each.length === 0 && paths.length === 0) ||
    // Two paths to one member, or to the array itself, are possible and rare.
    (each.length === 1 &&
      slots.messagePaths.every((path) => path.length === 1) &&
      new Set([...paths, each[0]]).size === paths.length + 1);
  return isJson && isFlat && isHarmless && hasPlainEnvelope && limits.depth >= depth;
}

function bufferOf(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload) ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}

/** One object. */
function readSingle(scan: Scan): number {
  skipSpace(scan.cursor);
  readObject(scan, 0);
  skipSpace(scan.cursor);
  return 1;
}

/** One object in each line that is not blank. */
function readLines(scan: Scan): number {
  const { cursor } = scan;
  const { length } = cursor.bytes;
  let count = 0;
  while (cursor.at !== FAILED && cursor.at < length) {
    skipSpace(scan.cursor);
    if (cursor.at < length && cursor.bytes[cursor.at] !== NEWLINE) {
      if (count === scan.mostReadings) return fail(scan.cursor);
      readObject(scan, count++);
      skipSpace(scan.cursor);
    }
    if (cursor.at !== FAILED && cursor.at < length) expect(scan.cursor, NEWLINE);
  }
  return count === 0 ? fail(scan.cursor) : count;
}

/** An array of objects: the whole message, or a member of it. */
function readMany(scan: Scan): number {
  skipSpace(scan.cursor);
  const count = scan.envelope === undefined ? readArray(scan) : readEnvelope(scan, scan.envelope);
  skipSpace(scan.cursor);
  return count;
}

function readArray(scan: Scan): number {
  const { cursor } = scan;
  expect(scan.cursor, BEGIN_ARRAY);
  skipSpace(scan.cursor);
  if (next(scan.cursor) === END_ARRAY) {
    cursor.at++;
    return 0;
  }
  let count = 0;
  while (cursor.at !== FAILED) {
    if (count === scan.mostReadings) return fail(scan.cursor);
    skipSpace(scan.cursor);
    readObject(scan, count++);
    skipSpace(scan.cursor);
    if (next(scan.cursor) === END_ARRAY) {
      cursor.at++;
      return count;
    }
    expect(scan.cursor, COMMA);
  }
  return FAILED;
}

/** An object with the array of readings and what all of them share. Returns the number of readings. */
function readEnvelope(scan: Scan, { array, keys }: NonNullable<Scan['envelope']>): number {
  const { cursor, slots, readings } = scan;
  const shared: unknown[] = new Array(keys.length).fill(undefined);
  let count = FAILED;
  let more = beginMembers(scan.cursor);
  while (more) {
    const from = cursor.at + 1;
    const to = skipKey(scan.cursor);
    if (to === FAILED || cursor.at === FAILED) return fail(scan.cursor);
    if (isKey(scan.cursor, array, from, to)) {
      // Of two arrays the last one counts.
      if (count !== FAILED) return fail(scan.cursor);
      count = readArray(scan);
    } else {
      const key = keys.findIndex(({ bytes }) => isKey(scan.cursor, bytes, from, to));
      if (key < 0 && cursor.bytes[from] === UNDERSCORE) return fail(scan.cursor);
      const value = readScalar(cursor, keys[key]?.texts);
      if (key >= 0) shared[key] = value;
    }
    more = endMember(scan.cursor);
  }
  for (let i = 0; i < count; i++)
    for (let k = 0; k < shared.length; k++) readings.values[i * slots.size + slots.roots.size + k] = shared[k];
  return count === FAILED ? fail(scan.cursor) : count;
}

/** Reads an object into the slots of a reading. */
function readObject(scan: Scan, reading: number): void {
  const { cursor, keys, slots, found, policy, readings } = scan;
  const { values } = readings;
  const base = reading * slots.size;
  for (let i = 0; i < slots.size; i++) values[base + i] = undefined;
  scan.undeclared.length = 0;
  found.extra = undefined;
  found.ignored = 0;
  found.keys = 0;
  let more = beginMembers(scan.cursor);
  while (more) {
    const key = takeKey(scan, found.keys);
    if (cursor.at === FAILED || ++found.keys > policy.maxFields) return void fail(scan.cursor);
    if (key >= 0) {
      const { slot, texts } = keys[key]!;
      // Of equal keys the last one counts.
      values[base + slot] = readScalar(cursor, texts);
    } else takeUndeclared(scan);
    more = endMember(scan.cursor);
  }
  readings.ignored[reading] = found.ignored;
  readings.extras[reading] = found.extra;
}

/** Reads a key and the colon after it. Returns its index in `keys`; -1 if it is none of them: its position is then the last of `undeclared`. */
function takeKey(scan: Scan, position: number): number {
  const { cursor, keys, order, undeclared } = scan;
  const { bytes } = cursor;
  const from = cursor.at + 1;
  const likely = order[position] ?? -1;
  const guess = keys[likely];
  if (guess !== undefined && takeKnownKey(cursor, guess.bytes)) return likely;
  const to = skipKey(scan.cursor);
  if (to === FAILED) return -1;
  const key = keys.findIndex((each) => isKey(scan.cursor, each.bytes, from, to));
  if (position < order.length) order[position] = key;
  // `__proto__` is forbidden; `JSON.parse` and the check after it decide about all keys like it.
  if (key < 0 && (bytes[from] === UNDERSCORE || undeclared.length >= 2 * MOST_UNDECLARED)) fail(scan.cursor);
  else if (key < 0) undeclared.push(from, to);
  return key;
}

/** Applies the policy to the undeclared key that was read last. */
function takeUndeclared(scan: Scan): void {
  const { cursor, undeclared, policy, found } = scan;
  const { bytes } = cursor;
  const to = undeclared[undeclared.length - 1]!;
  const from = undeclared[undeclared.length - 2]!;
  const isRepeated = hasEqual(bytes, undeclared, from, to);
  const value = readScalar(cursor, undefined);
  if (isRepeated || policy.undeclared === 'reject' || cursor.at === FAILED) fail(scan.cursor);
  else if (policy.undeclared === 'ignore') found.ignored++;
  else addUndeclared(bytes.toString('latin1', from, to), value, undefined, policy, found);
}

/** Whether an earlier undeclared key of the object has the same bytes. */
function hasEqual(bytes: Uint8Array, undeclared: readonly number[], from: number, to: number): boolean {
  for (let i = 0; i < undeclared.length - 2; i += 2) {
    const start = undeclared[i]!;
    if (undeclared[i + 1]! - start !== to - from) continue;
    let at = 0;
    while (at < to - from && bytes[start + at] === bytes[from + at]) at++;
    if (at === to - from) return true;
  }
  return false;
}
