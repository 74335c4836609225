import { createScanner, type ParseError, printParseErrorCode } from 'jsonc-parser';

/** A fault of the text, by its offset. */
export interface SyntaxFault {
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** Levels of nesting that a file may have; deeper ones would exhaust the parser's stack. */
export const MAX_DEPTH = 100;

const EXPLAINED: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  InvalidSymbol: [
    'A word stands where JSON has none.',
    'Put names and texts between double quotes; only true, false and null go without.',
  ],
  InvalidNumberFormat: ['A number is written in a way that JSON does not know.', 'Write it like 12, -0.5 or 1e6.'],
  PropertyNameExpected: ['The name of a key is missing.', 'Write a name between double quotes, then a colon.'],
  ValueExpected: [
    'A value is missing.',
    'Write a text between double quotes, a number, true, false, null, { … } or [ … ].',
  ],
  ColonExpected: ['The colon between a key and its value is missing.', 'Write "key": value.'],
  CommaExpected: ['A comma is missing before this.', 'Put a comma after the entry before.'],
  CloseBraceExpected: ['A closing brace is missing.', 'Close the { with a }.'],
  CloseBracketExpected: ['A closing bracket is missing.', 'Close the [ with a ].'],
  EndOfFileExpected: ['The document has ended, but more follows.', 'Remove what stands behind the last closing brace.'],
  InvalidCommentToken: ['Comments are not allowed in this file.', 'Remove the comment, or say it in "description".'],
  UnexpectedEndOfComment: ['A comment does not end.', 'Close it with */.'],
  UnexpectedEndOfString: [
    'A text does not end on its line.',
    'Close it with a double quote; a line break inside is written \\n.',
  ],
  UnexpectedEndOfNumber: ['A number is not complete.', 'Write it like 12, -0.5 or 1e6.'],
  InvalidUnicode: ['A \\u is not followed by four hexadecimal digits.', 'Write it like \\u00b0.'],
  InvalidEscapeCharacter: [
    'A backslash is followed by a character that it cannot escape.',
    'Write \\\\ for a backslash itself.',
  ],
  InvalidCharacter: ['A control character stands in a text.', 'Write it as an escape, like \\t.'],
};

/**
 * Makes sentences of the parser's errors. Those after which the rest of the file still reads well are all told;
 * of the others only the first, since what follows it is mostly its echo.
 */
export function explainSyntax(text: string, errors: readonly ParseError[]): { errors: SyntaxFault[]; broken: boolean } {
  const told: SyntaxFault[] = [];
  let last = -1;
  for (const { error, offset, length } of errors) {
    if (offset === last) continue;
    last = offset;
    const name = printParseErrorCode(error);
    const comma = trailingComma(text, offset);
    if (comma !== undefined && name !== 'CommaExpected') {
      told.push({ offset: comma, message: 'A comma stands before a closing bracket.', remedy: 'Remove the comma.' });
      continue;
    }
    const [message, remedy] = explain(text, name, offset, length);
    told.push({ offset, message, remedy });
    const recoverable = name === 'InvalidCommentToken' || (name === 'CommaExpected' && text[offset] === '"');
    if (!recoverable) return { errors: told, broken: true };
  }
  return { errors: told, broken: false };
}

function explain(text: string, name: string, offset: number, length: number): readonly [string, string] {
  if (text.trim() === '') return ['The file is empty.', 'Write an object { … } into it.'];
  if (text[offset] === "'") return ['Single quotes do not make a text.', 'Use double quotes.'];
  if (name === 'InvalidSymbol' && length === 1 && '=;'.includes(text[offset] ?? '')) {
    return [`\`${text[offset]}\` has no meaning in JSON.`, 'Write "key": value, and commas between entries.'];
  }
  return EXPLAINED[name] ?? ['This is not JSON.', 'Compare the place with a sample file.'];
}

/** Offset of the comma where only white space stands between it and the closing bracket at `offset`. */
function trailingComma(text: string, offset: number): number | undefined {
  if (text[offset] !== '}' && text[offset] !== ']') return undefined;
  const before = text.slice(0, offset).trimEnd();
  const isTrailing = before.endsWith(',') && !/[,{[]\s*,$/.test(before.slice(-200));
  return isTrailing ? before.length - 1 : undefined;
}

/** The place where a text nests deeper than `MAX_DEPTH`; undefined where it does not. */
export function tooDeep(text: string): SyntaxFault | undefined {
  if (countOpening(text) <= MAX_DEPTH) return undefined;
  const scanner = createScanner(text, true);
  let depth = 0;
  for (;;) {
    const start = scanner.getPosition();
    if ((scanner.scan() as number) === END_OF_FILE) return undefined;
    const symbol = scanner.getTokenLength() === 1 ? text[scanner.getTokenOffset()] : undefined;
    if (symbol === '{' || symbol === '[') depth++;
    if (symbol === '}' || symbol === ']') depth--;
    if (depth > MAX_DEPTH) {
      return { offset: start, message: `The file nests deeper than ${MAX_DEPTH} levels.`, remedy: 'Flatten it.' };
    }
  }
}

/** `SyntaxKind.EOF`; the library's enum exists in its typings only. */
const END_OF_FILE = 17;

function countOpening(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x5b) count++;
  }
  return count;
}
