import { parse } from 'lossless-json';

/** As `JSON.parse` has it: the last one counts. */
const OPTIONS = {
  parseNumber: exactNumber,
  onDuplicateKey: ({ newValue }: { readonly newValue: unknown }) => newValue,
};

/**
 * The value of a text that `JSON.parse` takes, with integers as bigint where a double does not hold their digits; everything else is as
 * `JSON.parse` has it. Many times slower than that: for texts in which an integer from 2^53 on was found.
 */
export function parseExactly(text: string): unknown {
  return parse(text, undefined, OPTIONS);
}

/** A number as JSON writes it; a bigint where it is an integer whose digits a double does not hold. */
export function exactNumber(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number) || !/^-?\d+$/.test(text)) return number;
  const integer = BigInt(text);
  return isHeld(integer) ? number : integer;
}

/**
 * Whether a double holds the digits of an integer: it is that integer, or its shortest text has those digits, as that of a double that was
 * written in full.
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
