import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';

/** Comparisons of one rule, wherever in it they stand. */
const MAX_COMPARISONS = 200;

/** Why a file is not even read; a size in bytes. */
export function checkFileSize(file: string, text: string, most: number): Problem | undefined {
  // No text has more bytes than three for each of its units, so that most need not be counted.
  if (text.length * 3 <= most || Buffer.byteLength(text) <= most) return undefined;
  const message = `The file has ${Buffer.byteLength(text)} bytes; ${most} is the most.`;
  const remedy = 'Split it, or keep long lists in conditions.json.';
  return { code: 'too-large', severity: 'error', file, line: 0, column: 0, message, remedy };
}

/** Points at the first comparison that is one too many. Takes the rule in whatever state it is. */
export function checkSize(rule: Readonly<Record<string, unknown>>): Fault[] {
  let count = 0;
  let excess: Path | undefined;
  const visit = (node: unknown, path: Path): void => {
    if (typeof node !== 'object' || node === null || excess !== undefined) return;
    if (Array.isArray(node)) {
      for (const [i, each] of node.entries()) visit(each, [...path, i]);
      return;
    }
    if (Object.hasOwn(node, 'operator')) {
      count += 1;
      if (count > MAX_COMPARISONS) excess = path;
      return;
    }
    for (const [key, part] of Object.entries(node)) visit(part, [...path, key]);
  };
  for (const [key, part] of Object.entries(rule)) if (key !== 'event') visit(part, [key]);
  if (excess === undefined) return [];
  const message = `The rule has more than ${MAX_COMPARISONS} comparisons.`;
  const remedy = 'Make several rules of it, or put values into one comparison with "in" or "inList".';
  return [{ code: 'too-many', path: excess, message, remedy }];
}
