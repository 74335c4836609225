import { type Node, type ParseError, parseTree } from 'jsonc-parser';
import type { Problem } from './problem.ts';
import { explainSyntax, tooDeep } from './syntax.ts';

/** A path from the root of a document to one of its values: keys and indexes. */
export type Path = readonly (string | number)[];

/** A position in a text. Line and column count from 1; columns count UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A JSON text, its value, and the position of each key and value. */
export interface Document {
  readonly file: string;
  /** The value of the text, as far as it could be read; undefined if nothing could be read. Objects have own properties only, and no `__proto__`. */
  readonly value: unknown;
  /** Faults of the text itself, in order: syntax, duplicate keys, `__proto__`, numbers that are too large. */
  readonly problems: readonly Problem[];
  /** True if the syntax is so damaged that `value` may lack parts. Further checks would then only raise false alarms. */
  readonly broken: boolean;
  /** Finds the position of a key or of its value. If the path does not exist, it is that of the nearest parent that exists. */
  at(path: Path, which: 'key' | 'value'): Position;
}

/** Options for reading a text. `comments` allows `//` and block comments; default false. Trailing commas are never allowed. */
export interface DocumentOptions {
  readonly comments?: boolean;
}

/** Reads a JSON text. It never throws. A byte order mark at the start is ignored. */
export function parseDocument(file: string, text: string, options: DocumentOptions = {}): Document {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const locate = createLines(body);
  const places = lazyTree(body, options);
  const report = (code: string, offset: number, message: string, remedy: string) =>
    problems.push({ code, severity: 'error', file, ...locate(offset), message, remedy });
  const problems: Problem[] = [];
  const deep = tooDeep(body);
  if (deep !== undefined) {
    report('too-deep', deep.offset, deep.message, deep.remedy);
    return { file, value: undefined, problems, broken: true, at: () => locate(deep.offset) };
  }
  const errors: ParseError[] = [];
  const root = readTree(body, options, errors);
  const syntax = explainSyntax(body, errors);
  for (const error of syntax.errors) report('syntax', error.offset, error.message, error.remedy);
  const value = root === undefined ? undefined : toValue(root, report);
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  return {
    file,
    value,
    problems,
    broken: syntax.broken || root === undefined,
    at: (path, which) => locate(find(places(), path, which)),
  };
}

/**
 * Parses the tree of a text again, when the first position is needed. It is not kept from the first parse, because it is many times as
 * large as the text, and most files have no problem.
 */
function lazyTree(text: string, options: DocumentOptions): () => Node | undefined {
  let tree: Node | undefined;
  return () => (tree ??= readTree(text, options, []));
}

function readTree(text: string, options: DocumentOptions, errors: ParseError[]): Node | undefined {
  return parseTree(text, errors, { disallowComments: options.comments !== true });
}

type Report = (code: string, offset: number, message: string, remedy: string) => void;

function toValue(node: Node, report: Report): unknown {
  if (node.type === 'array') return (node.children ?? []).map((child) => toValue(child, report));
  if (node.type === 'object') return toObject(node, report);
  if (node.type === 'number' && !Number.isFinite(node.value)) {
    report('bad-number', node.offset, 'The number is too large.', 'Write a number below 1.8e308.');
  }
  return node.value;
}

function toObject(node: Node, report: Report): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? [];
    if (key === undefined) continue;
    const name = String(key.value);
    if (name === '__proto__') {
      report('forbidden-key', key.offset, 'The key `__proto__` is not allowed.', 'Choose another name.');
    } else if (Object.hasOwn(object, name)) {
      report('duplicate-key', key.offset, `The key \`${name}\` appears twice in this object.`, 'Keep one of the two.');
    } else if (value !== undefined) {
      object[name] = toValue(value, report);
    }
  }
  return object;
}

function find(root: Node | undefined, path: Path, which: 'key' | 'value'): number {
  let node = root;
  let offset = root?.offset ?? 0;
  for (const segment of path) {
    const children: readonly Node[] = node?.children ?? [];
    if (node?.type === 'array') {
      node = typeof segment === 'number' ? children[segment] : undefined;
      if (node === undefined) break;
      offset = node.offset;
      continue;
    }
    const property =
      node?.type === 'object' ? children.find((child) => child.children?.[0]?.value === segment) : undefined;
    const key = property?.children?.[0];
    if (key === undefined) break;
    node = property?.children?.[1];
    offset = which === 'key' || node === undefined ? key.offset : node.offset;
  }
  return offset;
}

/** Makes a function that finds the position of an offset. It looks for line starts only when it is first called: most files have no problem. */
export function createLines(text: string): (offset: number) => Position {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1)) starts.push(index + 1);
  return starts;
}
