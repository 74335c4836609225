import { maskText } from '../model/url.ts';
import type { Document, Path } from './document.ts';
import type { Problem } from './problem.ts';

/** A fault by its way through the document, before it is given a line and a column. */
export interface Fault {
  readonly code: string;
  readonly path: Path;
  /** Whether the key or its value is to blame. Default the value. */
  readonly which?: 'key' | 'value';
  /** Default `error`. */
  readonly severity?: 'error' | 'warning';
  readonly message: string;
  readonly remedy: string;
  /** The key that a mistyped one most likely meant: it counts as missing, without a fault of its own. */
  readonly meant?: string;
}

/** The problem of a fault, located in its document. */
function locateFault(document: Document, fault: Fault): Problem {
  const { code, path, which = 'value', severity = 'error', message, remedy } = fault;
  return { code, severity, file: document.file, ...document.at(path, which), message, remedy };
}

/** The problems of a document and of what was found in it, in the order in which a reader meets them. */
export function locateFaults(document: Document, faults: readonly Fault[]): Problem[] {
  const problems = [...document.problems, ...faults.map((fault) => locateFault(document, fault))];
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** A path as people write it: `streams.sensors.fields`, `mqtt[1].url`; the root is `The file`. */
export function formatPath(path: Path): string {
  if (path.length === 0) return 'The file';
  let text = '';
  for (const segment of path) {
    if (typeof segment === 'number') text += `[${segment}]`;
    else text += text === '' ? segment : `.${segment}`;
  }
  return `\`${text}\``;
}

/** A value as it may stand in a message: short, on one line, without the secrets of a URL. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') {
    const safe = JSON.stringify(maskText(value));
    return safe.length > 60 ? `${safe.slice(0, 57)}…"` : safe;
  }
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : 'null';
}

/** Takes down a fault at a path of the rule. */
export type Report = (path: Path, fault: Omit<Fault, 'path'>) => void;
