import { type ParseError, printParseErrorCode, visit } from 'jsonc-parser';
import { findForbidden } from './forbidden.ts';
import { quoteText, Rejection } from './rejection.ts';

/** Parses a JSON text. Returns the value or a `Rejection`. `depth` limits its nesting, and is checked before anything is built. */
export function parseJson(text: string, depth: number): unknown {
  // Most messages are a flat object without a second bracket. Searching for one is faster than counting levels.
  const nested = depth < 1 || text.indexOf('{', 1) !== -1 || text.indexOf('[', 1) !== -1;
  if (nested && nestsDeeper(text, depth)) {
    return new Rejection('too-deep', `the payload nests deeper than ${depth} levels; flatten it or raise limits.depth`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return explain(text);
  }
  // An escaped letter or underscore (\u005f) would hide a key from the search, so every escape of that range causes a check.
  const suspect = text.includes('__proto__') || text.includes('\\u00') || (nested && text.includes('constructor'));
  return suspect ? (findForbidden(value) ?? value) : value;
}

function nestsDeeper(text: string, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      if (++depth > limit) return true;
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return false;
}

/** Says where a text stops being JSON. It does not use the messages of `JSON.parse`, which differ between versions and would change dead letters. */
function explain(text: string): Rejection {
  let first: { readonly error: ParseError['error']; readonly offset: number } | undefined;
  const onError = (error: ParseError['error'], offset: number): void => {
    if (first === undefined || offset < first.offset) first = { error, offset };
  };
  visit(text, { onError }, { disallowComments: true });
  if (first === undefined) return new Rejection('malformed', 'the payload is not JSON; send valid JSON');
  const { error, offset } = first;
  const found =
    offset < text.length
      ? `${quoteText(text.slice(offset, offset + 20))} at character ${offset + 1}`
      : 'the end of the payload';
  return new Rejection(
    'malformed',
    `the payload is not JSON: found ${found} (${printParseErrorCode(error)}); send valid JSON`,
  );
}
