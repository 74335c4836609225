import type { FieldConfig } from '../model/config.ts';
import type { FieldType, FieldValue } from '../model/field.ts';
import { exactNumber, isHeld } from './exact-json.ts';
import { describeValue, Rejection } from './rejection.ts';

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const WORDS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['1', true],
  ['yes', true],
  ['false', false],
  ['off', false],
  ['0', false],
  ['no', false],
]);
const LONGEST_WORD = 5;

const WANTED: Readonly<Record<FieldType, string>> = {
  number: 'a number',
  boolean: 'true or false',
  string: 'text',
};

/**
 * Checks the value of a declared field. Returns the value or a `Rejection`. `value` must not be undefined or null.
 *
 * Numbers must be finite. Integers that lose digits in a double are refused. A number from 2^53 on without a fraction may have lost digits
 * when its text was parsed, so it is refused too unless numbers are `exact`. With `coerce`, a text in the syntax of a JSON number is accepted
 * as a number; true/false, on/off, yes/no and 1/0, in any letter case, as text or number, are accepted as booleans; numbers and booleans are
 * accepted as texts. Objects, arrays and raw bytes are never the value of a field.
 */
export function checkField(
  value: unknown,
  field: FieldConfig,
  coerce: boolean,
  exact: boolean,
): FieldValue | Rejection {
  if (typeof value === 'number' || typeof value === 'bigint') return checkNumber(value, field, coerce, exact);
  if (typeof value === field.type) return value as FieldValue;
  if (coerce) {
    const coerced = coerceValue(value, field.type);
    if (typeof coerced === 'number' || typeof coerced === 'bigint') return checkNumber(coerced, field, coerce, true);
    if (coerced !== undefined) return coerced;
  }
  const remedy = coerce ? `send ${WANTED[field.type]}` : `send ${WANTED[field.type]} or set "coerce": true`;
  return new Rejection(
    'wrong-type',
    `${describeField(field)} is ${describeValue(value)}, but the stream declares a ${field.type}; ${remedy}`,
  );
}

function describeField(field: FieldConfig): string {
  return field.path === field.name ? `the field "${field.name}"` : `the field "${field.name}" at "${field.path}"`;
}

function checkNumber(
  value: number | bigint,
  field: FieldConfig,
  coerce: boolean,
  exact: boolean,
): FieldValue | Rejection {
  const asNumber = Number(value);
  if (field.type === 'boolean') {
    if (coerce && (asNumber === 0 || asNumber === 1)) return asNumber === 1;
    return new Rejection(
      'wrong-type',
      `${describeField(field)} is ${describeValue(value)}, but the stream declares a boolean; send true or false`,
    );
  }
  if (field.type === 'string') {
    if (!coerce) {
      return new Rejection(
        'wrong-type',
        `${describeField(field)} is ${describeValue(value)}, but the stream declares a string; send text or set "coerce": true`,
      );
    }
    // A bigint has all its digits, so they are the text.
    if (typeof value === 'bigint') return value.toString();
  }
  if (!Number.isFinite(asNumber)) {
    return new Rejection(
      'not-finite',
      `${describeField(field)} is ${describeValue(value)}, which a 64-bit float cannot store; leave the field out instead`,
    );
  }
  const isSafe = typeof value === 'bigint' ? isHeld(value) : exact || !isLarge(value);
  if (!isSafe) {
    return new Rejection(
      'unsafe-integer',
      `${describeField(field)} is ${describeValue(value)}, beyond 2^53, where a 64-bit float loses digits; declare it as string and send it as text`,
    );
  }
  return field.type === 'string' ? String(asNumber) : asNumber;
}

/** Whether a number has no fraction and is so large that a double cannot hold every integer of its size. */
function isLarge(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

function coerceValue(value: unknown, type: FieldType): FieldValue | bigint | undefined {
  if (typeof value === 'boolean') return type === 'string' ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (type === 'number') return JSON_NUMBER.test(value) ? exactNumber(value) : undefined;
  return value.length <= LONGEST_WORD ? WORDS.get(value.toLowerCase()) : undefined;
}
