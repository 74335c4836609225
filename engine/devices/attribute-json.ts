import { type ParseError, visit } from 'jsonc-parser';
import { explainSyntax, tooDeep } from '../document/syntax.ts';

/** A fault of a JSON text, and its offset in characters. */
export interface JsonFault {
  readonly code: string;
  readonly offset: number;
  readonly message: string;
  readonly remedy: string;
}

/** The value of a JSON text, or all its faults. */
export type JsonReading =
  | { readonly faults: readonly []; readonly value: unknown; readonly keys: ReadonlyMap<string, number> }
  | { readonly faults: readonly [JsonFault, ...JsonFault[]] };

/**
 * Reads a JSON text without comments. It may be much larger than a config or rule file, so only the offsets of the keys of the outermost
 * object are kept (`keys`). Duplicate keys, `__proto__` and numbers that overflow a double are faults too.
 */
export function readJson(text: string): JsonReading {
  const deep = tooDeep(text);
  if (deep !== undefined) return { faults: [{ code: 'too-deep', ...deep }] };
  const faults: JsonFault[] = [];
  const errors: ParseError[] = [];
  const open: (ReadonlySet<string> & Pick<Set<string>, 'add'>)[] = [];
  const keys = new Map<string, number>();
  visit(
    text,
    {
      onObjectBegin: () => {
        open.push(new Set());
      },
      onObjectEnd: () => {
        open.pop();
      },
      onObjectProperty: (name, offset) => {
        if (name === '__proto__') {
          const message = 'The key `__proto__` is not allowed.';
          faults.push({ code: 'forbidden-key', offset, message, remedy: 'Choose another name.' });
        } else if (open.at(-1)?.has(name)) {
          const message = `The key \`${name.slice(0, 64)}\` is in the object twice.`;
          faults.push({ code: 'duplicate-key', offset, message, remedy: 'Keep one of the two.' });
        }
        open.at(-1)?.add(name);
        if (open.length === 1) keys.set(name, offset);
      },
      onLiteralValue: (value, offset) => {
        if (typeof value !== 'number' || Number.isFinite(value)) return;
        const message = 'The number is too large for a 64-bit float.';
        faults.push({ code: 'bad-number', offset, message, remedy: 'Write a number below 1.8e308.' });
      },
      onError: (error, offset, length) => errors.push({ error, offset, length }),
    },
    { disallowComments: true },
  );
  const syntax = explainSyntax(text, errors).errors.map((fault) => ({ code: 'syntax', ...fault }));
  const [first, ...more] = [...faults, ...syntax].sort((a, b) => a.offset - b.offset);
  if (first !== undefined) return { faults: [first, ...more] };
  return { faults: [], value: JSON.parse(text), keys };
}
