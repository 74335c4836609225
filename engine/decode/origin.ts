import type { Place } from '../model/config.ts';
import { describeValue, Rejection } from './rejection.ts';

const LONGEST_DEVICE = 256;
const LONGEST_LABEL = 256;

/**
 * Reads a device id from a value of the payload or topic. Returns it as text, or a `Rejection`. Valid are texts of 1 to 256 characters, and
 * integers below 2^53.
 */
export function readDevice(value: unknown, place: Place): string | Rejection {
  if (typeof value === 'string' && value !== '' && value.length <= LONGEST_DEVICE) return value;
  // MessagePack's 64-bit integers are bigint, even small ones.
  if (Number.isSafeInteger(typeof value === 'bigint' ? Number(value) : value)) return String(value);
  const where = 'path' in place ? `the payload at "${place.path}"` : `the topic at {${place.topic}}`;
  if (value === undefined || value === null) {
    return new Rejection(
      'missing-device',
      `${where} has no device id; send it there, or set another place in the stream's "device"`,
    );
  }
  const found = typeof value === 'string' && value !== '' ? `${value.length} characters` : describeValue(value);
  return new Rejection(
    'invalid-device',
    `${where} is ${found}; a device id is text of 1 to 256 characters or an integer below 2^53`,
  );
}

/** Reads a label from the payload. Returns it as text, empty if there is none, or a `Rejection` if it is not a scalar or too long. */
export function readLabel(value: unknown, name: string): string | Rejection {
  if (typeof value === 'string') return value.length <= LONGEST_LABEL ? value : tooLong(value, name);
  if (value === undefined || value === null) return '';
  if (typeof value === 'object') {
    return new Rejection(
      'wrong-type',
      `the label "${name}" is ${describeValue(value)}; send text, a number or a boolean`,
    );
  }
  return String(value);
}

/** The length is limited because labels become parts of keys, subjects and events. */
function tooLong(label: string, name: string): Rejection {
  return new Rejection(
    'invalid-label',
    `the label "${name}" has ${label.length} characters; a label has at most ${LONGEST_LABEL}. Send a shorter one, or declare a field instead`,
  );
}
