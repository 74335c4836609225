import { printable } from '../model/printable.ts';

/** A fault in a file that a person wrote: where it is, what is wrong, and how to correct it. */
export interface Problem {
  /** Stable name of the kind of fault, for example `unknown-key`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** Counts from 1; 0 if the fault concerns the whole file. */
  readonly line: number;
  readonly column: number;
  /** What was found, as one sentence. */
  readonly message: string;
  /** How to correct it, as one or more sentences. */
  readonly remedy: string;
}

/**
 * Formats a problem as compilers do: `file:line:column: error: message [code]`, and the remedy on a second line. Message and remedy may
 * quote text of unknown origin, so control characters are escaped.
 */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const first = printable(`${place}: ${problem.severity}: ${problem.message} [${problem.code}]`);
  return `${first}\n    ${printable(problem.remedy)}`;
}

/** The error of a command whose input is wrong. It carries all problems. */
export class InvalidInput extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'InvalidInput';
    this.problems = problems;
  }
}
