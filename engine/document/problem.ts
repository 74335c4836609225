import { printable } from '../model/printable.ts';

/** A fault in a file that a person wrote: what is wrong, where, and what to do about it. */
export interface Problem {
  /** Stable name of the kind of fault, e.g. `unknown-key`. */
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly file: string;
  /** 1-based; 0 where the fault concerns the whole file. */
  readonly line: number;
  readonly column: number;
  /** What was found, in one sentence. */
  readonly message: string;
  /** What would be right. */
  readonly remedy: string;
}

/** `file:line:column: error: message (code)` and the remedy on a second line, as compilers print it; both may quote what strangers wrote. */
export function formatProblem(problem: Problem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const told = printable(`${place}: ${problem.severity}: ${problem.message} [${problem.code}]`);
  return `${told}\n    ${printable(problem.remedy)}`;
}

/** Thrown by a command whose input is wrong; carries every problem at once. */
export class InvalidInput extends Error {
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'InvalidInput';
    this.problems = problems;
  }
}
