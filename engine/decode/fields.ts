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
 * The value of a declared field, or a `Rejection`; neither undefined nor null may come in.
 *
 * Numbers must be finite. Integers of which a double loses digits are refused. A number from 2^53 on that has no fraction may have lost
 * some when its text was parsed: unless numbers are `exact`, it is refused too. With `coerce`, texts in the syntax of a JSON number are
 * numbers; true/false, on/off, yes/no and 1/0, in any letter case, as text or number, are booleans; numbers and booleans are texts.
 * Objects, arrays and raw bytes are never a field.
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
    `${place(field)} holds ${describeValue(value)}, the stream declares a ${field.type}; ${remedy}`,
  );
}

function place(field: FieldConfig): string {
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
      `${place(field)} holds ${describeValue(value)}, the stream declares a boolean; send true or false`,
    );
  }
  if (field.type === 'string') {
    if (!coerce) {
      return new Rejection(
        'wrong-type',
        `${place(field)} holds ${describeValue(value)}, the stream declares a string; send text or set "coerce": true`,
      );
    }
    // A bigint has lost nothing, so its digits are the text.
    if (typeof value === 'bigint') return value.toString();
  }
  if (!Number.isFinite(asNumber)) {
    return new Rejection(
      'not-finite',
      `${place(field)} holds ${describeValue(value)}, which no double can hold; leave the field out instead`,
    );
  }
  const isSafe = typeof value === 'bigint' ? isHeld(value) : exact || !isLarge(value);
  if (!isSafe) {
    return new Rejection(
      'unsafe-integer',
      `${place(field)} holds ${describeValue(value)}, beyond 2^53, where digits are lost; declare it as string and send it as text`,
    );
  }
  return field.type === 'string' ? String(asNumber) : asNumber;
}

/** Without a fraction, and so large that a double does not tell every two neighbours apart. */
function isLarge(value: number): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value);
}

function coerceValue(value: unknown, type: FieldType): FieldValue | bigint | undefined {
  if (typeof value === 'boolean') return type === 'string' ? String(value) : undefined;
  if (typeof value !== 'string') return undefined;
  if (type === 'number') return JSON_NUMBER.test(value) ? exactNumber(value) : undefined;
  return value.length <= LONGEST_WORD ? WORDS.get(value.toLowerCase()) : undefined;
}
