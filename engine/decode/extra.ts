import type { StreamConfig } from '../model/config.ts';
import type { PathNode } from './paths.ts';
import { isPlainObject, Rejection } from './rejection.ts';

/** The undeclared fields of a reading. One object is reused for all readings. */
export interface Undeclared {
  /** JSON text by name, for the policy `keep`. Undefined: there are none. */
  extra: Record<string, string> | undefined;
  /** The number of fields that the policy `ignore` skipped. */
  ignored: number;
  /** The number of keys of the reading so far, including keys of inner objects. */
  keys: number;
}

/** A stream's policy for undeclared fields. */
export interface UndeclaredPolicy {
  readonly undeclared: StreamConfig['undeclared'];
  /** The largest number of keys of a reading. */
  readonly maxFields: number;
}

/**
 * Applies the stream's policy to one undeclared field. Objects of any depth are flattened to names such as `a.b`, without the parts that a
 * declared path reads (`node` has the paths below this field). Arrays and raw bytes are one field. Of two fields with the same name the
 * later one is kept.
 */
export function addUndeclared(
  name: string,
  value: unknown,
  node: PathNode | undefined,
  policy: UndeclaredPolicy,
  found: Undeclared,
): Rejection | undefined {
  // A declared path goes through this key, so null means that its field is absent.
  if (value === null && node !== undefined) return undefined;
  if (!isPlainObject(value) && !(node !== undefined && Array.isArray(value)))
    return addLeaf(name, value, policy, found);
  let empty = true;
  for (const key in value) {
    empty = false;
    if (++found.keys > policy.maxFields) return tooManyFields(policy.maxFields);
    const below = node?.children.get(key);
    if (below?.read === true) continue;
    const fault = addUndeclared(`${name}.${key}`, (value as Record<string, unknown>)[key], below, policy, found);
    if (fault !== undefined) return fault;
  }
  return empty && node === undefined ? addLeaf(name, value, policy, found) : undefined;
}

function addLeaf(name: string, value: unknown, policy: UndeclaredPolicy, found: Undeclared): Rejection | undefined {
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

/** The rejection of a reading with more keys than its stream allows. */
export function tooManyFields(allowed: number): Rejection {
  return new Rejection(
    'too-many-fields',
    `the reading has more than ${allowed} keys; send fewer or raise limits.fields`,
  );
}

/**
 * The JSON text of a decoded value. Values that JSON cannot express become texts: NaN and the infinities become `"NaN"` and `"Infinity"`, raw
 * bytes become base64. A 64-bit integer becomes its digits; inside arrays these are a text.
 */
function jsonText(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : `"${value}"`;
  if (typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'bigint') return value.toString();
  return JSON.stringify(toJsonValue('', value), toJsonValue) ?? 'null';
}

function toJsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  return value;
}
