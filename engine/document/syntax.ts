import { createScanner, type ParseError, printParseErrorCode } from 'jsonc-parser';

/** A fault of the syntax, with its offset in the text. */
export interface SyntaxFault {
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** How many levels deep a file may be nested; a deeper one would exhaust the stack of the parser. */
export const MAX_DEPTH = 100;

const EXPLAINED: Readonly<Record<string, readonly [message: string, remedy: string]>> = {
  InvalidSymbol: [
    'This word is not valid in JSON.',
    'Put names and texts between double quotes. Only true, false and null are written without quotes.',
  ],
  InvalidNumberFormat: ['The number is not written as JSON requires.', 'Write it like 12, -0.5 or 1e6.'],
  PropertyNameExpected: ['A key is missing.', 'Write the key between double quotes, then a colon.'],
  ValueExpected: [
    'A value is missing.',
    'Write a text between double quotes, a number, true, false, null, { … } or [ … ].',
  ],
  ColonExpected: ['The colon between a key and its value is missing.', 'Write "key": value.'],
  CommaExpected: ['A comma is missing before this.', 'Put a comma after the previous entry.'],
  CloseBraceExpected: ['A closing brace is missing.', 'Close the { with a }.'],
  CloseBracketExpected: ['A closing bracket is missing.', 'Close the [ with a ].'],
  EndOfFileExpected: [
    'There is more text after the end of the document.',
    'Remove everything after the last closing brace.',
  ],
  InvalidCommentToken: [
    'Comments are not allowed in this file.',
    'Remove the comment, or move its text to "description".',
  ],
  UnexpectedEndOfComment: ['A comment does not end.', 'Close it with */.'],
  UnexpectedEndOfString: [
    'A text has no closing double quote on its line.',
    'Add the double quote. Write a line break inside a text as \\n.',
  ],
  UnexpectedEndOfNumber: ['The number is not complete.', 'Write it like 12, -0.5 or 1e6.'],
  InvalidUnicode: ['A \\u is not followed by four hexadecimal digits.', 'Write it like \\u00b0.'],
  InvalidEscapeCharacter: [
    'A backslash is followed by a character that cannot be escaped.',
    'Write \\\\ for a backslash.',
  ],
  InvalidCharacter: ['A text contains a control character.', 'Write it as an escape, like \\t.'],
};

/**
 * Turns the errors of the parser into messages. Errors after which the rest of the file can still be parsed are all reported. Of the
 * others only the first is reported, because the errors after it mostly follow from it.
 */
export function explainSyntax(text: string, errors: readonly ParseError[]): { errors: SyntaxFault[]; broken: boolean } {
  const faults: SyntaxFault[] = [];
  let last = -1;
  for (const { error, offset, length } of errors) {
    if (offset === last) continue;
    last = offset;
    const name = printParseErrorCode(error);
    const comma = trailingComma(text, offset);
    if (comma !== undefined && name !== 'CommaExpected') {
      faults.push({
        offset: comma,
        message: 'There is a comma before a closing bracket.',
        remedy: 'Remove the comma.',
      });
      continue;
    }
    const [message, remedy] = explain(text, name, offset, length);
    faults.push({ offset, message, remedy });
    const recoverable = name === 'InvalidCommentToken' || (name === 'CommaExpected' && text[offset] === '"');
    if (!recoverable) return { errors: faults, broken: true };
  }
  return { errors: faults, broken: false };
}

function explain(text: string, name: string, offset: number, length: number): readonly [string, string] {
  if (text.trim() === '') return ['The file is empty.', 'Write an object { … } into it.'];
  if (text[offset] === "'") return ['A text cannot be written in single quotes.', 'Use double quotes.'];
  if (name === 'InvalidSymbol' && length === 1 && '=;'.includes(text[offset] ?? '')) {
    return [`\`${text[offset]}\` has no meaning in JSON.`, 'Write "key": value, and commas between entries.'];
  }
  return EXPLAINED[name] ?? ['This is not JSON.', 'Compare this place with a sample file.'];
}

/** The offset of a comma that has only white space between it and the closing bracket at `offset`; undefined if there is none. */
function trailingComma(text: string, offset: number): number | undefined {
  if (text[offset] !== '}' && text[offset] !== ']') return undefined;
  const before = text.slice(0, offset).trimEnd();
  const isTrailing = before.endsWith(',') && !/[,{[]\s*,$/.test(before.slice(-200));
  return isTrailing ? before.length - 1 : undefined;
}

/** Finds the first place where a text is nested deeper than `MAX_DEPTH`; undefined if there is none. */
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
      return {
        offset: start,
        message: `The file is nested more than ${MAX_DEPTH} levels deep.`,
        remedy: 'Use fewer levels.',
      };
    }
  }
}

/** `SyntaxKind.EOF`. The enum of the library exists only in its type declarations. */
const END_OF_FILE = 17;

function countOpening(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x5b) count++;
  }
  return count;
}
