import type { StreamConfig } from '../model/config.ts';
import type { PathNode } from './paths.ts';
import { isObject, Rejection } from './rejection.ts';

/** What became of a reading's undeclared fields; filled again and again. */
export interface Undeclared {
  /** Name → JSON text, for the policy `keep`; undefined where there are none. */
  extra: Record<string, string> | undefined;
  /** How many the policy `ignore` passed over. */
  ignored: number;
  /** Keys of the reading seen so far, those of inner objects included. */
  keys: number;
}

export interface UndeclaredPolicy {
  readonly undeclared: StreamConfig['undeclared'];
  /** Keys per reading. */
  readonly maxFields: number;
}

/**
 * Takes in one undeclared field by the stream's policy. Objects are flattened, `a.b`, however deep, leaving out what a declared path
 * reads (`node`, the paths below this one); arrays and raw bytes are one field. Of two that come to the same name the later stays.
 */
export function takeUndeclared(
  name: string,
  value: unknown,
  node: PathNode | undefined,
  policy: UndeclaredPolicy,
  found: Undeclared,
): Rejection | undefined {
  // Where a path goes through, null says that there is nothing.
  if (value === null && node !== undefined) return undefined;
  if (!isObject(value) && !(node !== undefined && Array.isArray(value))) return takeLeaf(name, value, policy, found);
  let empty = true;
  for (const key in value) {
    empty = false;
    if (++found.keys > policy.maxFields) return tooManyFields(policy.maxFields);
    const below = node?.children.get(key);
    if (below?.read === true) continue;
    const fault = takeUndeclared(`${name}.${key}`, (value as Record<string, unknown>)[key], below, policy, found);
    if (fault !== undefined) return fault;
  }
  return empty && node === undefined ? takeLeaf(name, value, policy, found) : undefined;
}

function takeLeaf(name: string, value: unknown, policy: UndeclaredPolicy, found: Undeclared): Rejection | undefined {
  if (policy.undeclared === 'reject') {
    return new Rejection(
      'undeclared-field',
      `the stream does not declare ${JSON.stringify(name)}; declare it, or set "undeclared" to "keep" or "ignore"`,
    );
  }
  if (policy.undeclared === 'ignore') {
    found.ignored++;
    return undefined;
  }
  found.extra ??= {};
  found.extra[name] = jsonText(value);
  return undefined;
}

/** The fault of a reading with more keys than its stream allows. */
export function tooManyFields(allowed: number): Rejection {
  return new Rejection(
    'too-many-fields',
    `the reading has more than ${allowed} keys; send fewer or raise limits.fields`,
  );
}

/**
 * The JSON text of a decoded value. What JSON has no word for becomes a text: NaN and the infinities `"NaN"`, `"Infinity"`, raw bytes
 * their base64; a 64-bit integer becomes its digits, as a text inside of arrays.
 */
function jsonText(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(sayable('', value), sayable) ?? 'null';
}

function sayable(_key: string, value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return value;
}
