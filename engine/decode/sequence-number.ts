import type { SequenceConfig } from '../model/config.ts';
import { describeValue, Rejection } from './rejection.ts';

const DIGITS = /^\d{1,16}$/;

/**
 * Reads the sequence number of a reading. Returns it or a `Rejection`. Valid are integers from 0 to below the modulus (or 2^53); with `coerce`
 * also their digits as text.
 */
export function readSequence(value: unknown, { path, modulus }: SequenceConfig, coerce: boolean): number | Rejection {
  const number = toNumber(value, coerce);
  // Adding 0 turns -0 into 0, which has other bits.
  if (number >= 0 && number < (modulus ?? 2 ** 53)) return number + 0;
  if (value === undefined || value === null) {
    return new Rejection(
      'missing-sequence',
      `the payload has no sequence number at "${path}"; send it there, or remove "sequence" from the stream`,
    );
  }
  const largest = modulus === undefined ? '2^53-1' : String(modulus - 1);
  return new Rejection(
    'invalid-sequence',
    `the sequence number at "${path}" is ${describeValue(value)}; send an integer from 0 to ${largest}`,
  );
}

/** The value as a number; NaN if it is no safe integer. */
function toNumber(value: unknown, coerce: boolean): number {
  // MessagePack's 64-bit integers are bigint, even small ones.
  const isNumeric = typeof value === 'bigint' || (coerce && typeof value === 'string' && DIGITS.test(value));
  const number = isNumeric ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : Number.NaN;
}
