import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';

/** Maximum characters of a pattern, and maximum steps of its compiled program. The steps bound the cost for each character of a text. */
const LONGEST_PATTERN = 512;
const LARGEST_PROGRAM = 1_000;

/** The reason why a text is not a valid pattern. */
export interface PatternFault {
  readonly message: string;
  readonly remedy: string;
}

/**
 * Compiles a regular expression in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax). Its `test` looks for it anywhere in a
 * text, in time linear in the length of the text. Patterns over 512 characters or 1,000 steps are refused.
 */
export function compilePattern(source: string): RE2JS | PatternFault {
  if (source.length > LONGEST_PATTERN) {
    const message = `The pattern has ${source.length} characters; the maximum is ${LONGEST_PATTERN}.`;
    return { message, remedy: 'Write a shorter pattern, or use a named list with "inList".' };
  }
  const pattern = parse(source);
  if (!(pattern instanceof RE2JS) || pattern.programSize() <= LARGEST_PROGRAM) return pattern;
  const message = `The pattern needs ${pattern.programSize()} steps because of its repeat counts; the maximum is ${LARGEST_PROGRAM}.`;
  return { message, remedy: 'Use smaller numbers in {…}.' };
}

function parse(source: string): RE2JS | PatternFault {
  try {
    return RE2JS.compile(source);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) return explain(error.getDescription(), error.getPattern() ?? '');
    if (error instanceof RE2JSException) return explain(error.message, '');
    throw error;
  }
}

const LINEAR = 'RE2 always matches in time linear in the length of the text';

function explain(reason: string, part: string): PatternFault {
  if (/^\\[1-9k]/.test(part)) {
    const message = `RE2 does not support ${part}, a backreference, because ${LINEAR}.`;
    return { message, remedy: 'Write out the texts that can be there.' };
  }
  if (/^\(\?<?[=!]/.test(part)) {
    const [around] = /^\(\?<?[=!]/.exec(part)!;
    const message = `RE2 does not support ${around}…), a lookahead or lookbehind, because ${LINEAR}.`;
    return { message, remedy: 'Write two conditions: one with "matches", and one with "not:matches".' };
  }
  if (/^\(\?>/.test(part) || /^[*+?}]\+$/.test(part)) {
    const message = `RE2 does not support ${part}, which turns off backtracking, because RE2 never backtracks.`;
    return { message, remedy: part.startsWith('(') ? 'Write (?:…).' : 'Remove the second +.' };
  }
  const message = `The pattern is not valid: ${reason}${part === '' ? '' : `, at ${part}`}.`;
  return { message, remedy: 'Use the syntax of RE2. In JSON, write each backslash twice, as in "^press-\\\\d+$".' };
}
