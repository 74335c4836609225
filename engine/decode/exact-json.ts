import { parse } from 'lossless-json';

/** Of duplicate keys the last one counts, as in `JSON.parse`. */
const OPTIONS = {
  parseNumber: exactNumber,
  onDuplicateKey: ({ newValue }: { readonly newValue: unknown }) => newValue,
};

/**
 * Like `JSON.parse`, for a text that `JSON.parse` accepts, but integers whose digits a double cannot hold are bigint. It is many times
 * slower, so it is only for texts in which an integer from 2^53 on was found.
 */
export function parseExactly(text: string): unknown {
  return parse(text, undefined, OPTIONS);
}

/** The value of a number in JSON syntax. It is a bigint if it is an integer whose digits a double cannot hold. */
export function exactNumber(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number) || !/^-?\d+$/.test(text)) return number;
  const integer = BigInt(text);
  return isHeld(integer) ? number : integer;
}

/**
 * Whether a double holds the digits of an integer: the double is equal to the integer, or its shortest text has the same digits (as for a
 * double that was written in full).
 */
export function isHeld(integer: bigint): boolean {
  const number = Number(integer);
  if (!Number.isFinite(number)) return false;
  return (
    BigInt(number) === integer || significant(number.toExponential().replace(/e.*/, '')) === significant(`${integer}`)
  );
}

function significant(digits: string): string {
  return digits.replace(/[-.]/g, '').replace(/0+$/, '');
}
