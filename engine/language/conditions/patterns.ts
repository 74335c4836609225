import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';

/** Characters of a pattern, and steps of the program that it is compiled to: what a character of a text can cost. */
const LONGEST_PATTERN = 512;
const LARGEST_PROGRAM = 1_000;

/** Why a text is no pattern. */
export interface PatternFault {
  readonly message: string;
  readonly remedy: string;
}

/**
 * Compiles a regular expression in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), whose `test` looks for it anywhere
 * in a text in time linear in the text's length, whatever the two are. Patterns over 512 characters or 1,000 steps are refused.
 */
export function compilePattern(source: string): RE2JS | PatternFault {
  if (source.length > LONGEST_PATTERN) {
    const message = `The pattern has ${source.length} characters; ${LONGEST_PATTERN} is the most.`;
    return { message, remedy: 'Use a shorter one, or a named list with "inList".' };
  }
  const pattern = parse(source);
  if (!(pattern instanceof RE2JS) || pattern.programSize() <= LARGEST_PROGRAM) return pattern;
  const message = `The pattern repeats so much that it takes ${pattern.programSize()} steps; ${LARGEST_PROGRAM} is the most.`;
  return { message, remedy: 'Lower its repeat counts, {…}.' };
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

const LINEAR = 'it answers in time linear in the text, whatever the text, and that rules this out';

function explain(reason: string, part: string): PatternFault {
  if (/^\\[1-9k]/.test(part)) {
    const message = `RE2 cannot express ${part}, a reference back to what a group matched: ${LINEAR}.`;
    return { message, remedy: 'Write out what may stand there.' };
  }
  if (/^\(\?<?[=!]/.test(part)) {
    const [around] = /^\(\?<?[=!]/.exec(part)!;
    const message = `RE2 cannot express ${around}…), a look ahead or behind: ${LINEAR}.`;
    return { message, remedy: 'Make two conditions of it: one that must match, and one with "not:matches".' };
  }
  if (/^\(\?>/.test(part) || /^[*+?}]\+$/.test(part)) {
    const message = `RE2 cannot express ${part}, which forbids to backtrack: it never does, so as to be linear in the text.`;
    return { message, remedy: part.startsWith('(') ? 'Write (?:…).' : 'Leave out the second +.' };
  }
  const message = `The pattern is none: ${reason}${part === '' ? '' : `, at ${part}`}.`;
  return { message, remedy: 'Its syntax is that of RE2; in JSON each backslash stands twice, as in "^press-\\\\d+$".' };
}
