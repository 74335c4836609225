import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';

/** How many comparisons a rule may have in all its parts. */
const MAX_COMPARISONS = 200;

/** Reports a file that is too large to be read. `most` is in bytes. */
export function checkFileSize(file: string, text: string, most: number): Problem | undefined {
  // A UTF-16 unit takes at most three bytes in UTF-8, so the bytes of most texts need not be counted.
  if (text.length * 3 <= most || Buffer.byteLength(text) <= most) return undefined;
  const message = `The file has ${Buffer.byteLength(text)} bytes; the maximum is ${most}.`;
  const remedy = 'Split it, or move long lists to conditions.json.';
  return { code: 'too-large', severity: 'error', file, line: 0, column: 0, message, remedy };
}

/** Reports the first comparison above the maximum. The rule may have faults of structure. */
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
  const message = `The rule has more than ${MAX_COMPARISONS} comparisons, which is the maximum.`;
  const remedy = 'Split the rule, or replace several comparisons by one with "in" or "inList".';
  return [{ code: 'too-many', path: excess, message, remedy }];
}
