import { maskText } from '../model/url.ts';
import type { Document, Path } from './document.ts';
import type { Problem } from './problem.ts';

/** A fault at a path of a document, before its line and column are known. */
export interface Fault {
  readonly code: string;
  readonly path: Path;
  /** Whether the fault is at the key or at its value. Default: the value. */
  readonly which?: 'key' | 'value';
  /** Default: `error`. */
  readonly severity?: 'error' | 'warning';
  readonly message: string;
  readonly remedy: string;
  /** The key that a mistyped key most likely means. That key is missing too, but is not reported as a second fault. */
  readonly meant?: string;
}

/** Makes a problem from a fault, with its position in the document. */
function locateFault(document: Document, fault: Fault): Problem {
  const { code, path, which = 'value', severity = 'error', message, remedy } = fault;
  return { code, severity, file: document.file, ...document.at(path, which), message, remedy };
}

/** Makes the list of problems of a document: those of its text and the given faults, in the order of their positions. */
export function locateFaults(document: Document, faults: readonly Fault[]): Problem[] {
  const problems = [...document.problems, ...faults.map((fault) => locateFault(document, fault))];
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Formats a path for a message: `streams.sensors.fields`, `mqtt[1].url`. The root is `The file`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return 'The file';
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return `\`${text}\``;
}

/** Formats a value for a message: short, on one line, without the secrets of a URL. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    const safe = JSON.stringify(maskText(value));
    return safe.length > 60 ? `${safe.slice(0, 57)}…"` : safe;
  }
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'null';
}

/** Records a fault at a path of the rule. */
export type Report = (path: Path, fault: Omit<Fault, 'path'>) => void;
