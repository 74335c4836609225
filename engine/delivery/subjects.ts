import { createHash } from 'node:crypto';
import type { Severity } from '../model/rule.ts';

/** The longest token. A subject of four tokens is then far below the 4096 bytes that NATS allows for a command line. */
export const MAX_TOKEN_CHARS = 200;

/** Subject of messages that could not be decoded. */
export const DEADLETTERS_SUBJECT = 'weir.deadletters';

/** Replaces the key in subjects of events about all alerts of a rule. `subjectToken` returns it for no text. */
export const LIMIT_TOKEN = '~limit';

const PLAIN = /^[A-Za-z0-9_-]+$/;
const HASH_CHARS = 32;
const ESCAPED = /=([0-9A-F]{2})/g;
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `~${byte.toString(16).toUpperCase().padStart(2, '0')}`);

/**
 * One token of a NATS subject for any text. `A–Z a–z 0–9 _ -` do not change, every other byte of the UTF-8 becomes `~XX`
 * (a lone surrogate counts as the three bytes that UTF-8 would give its code point), and the empty text becomes `~`.
 * Different texts have different tokens. A token that would be longer than 200 characters is cut, and ends in `~~` and 32 hex digits
 * of the SHA-256 of the whole token. No other token contains `~~`.
 */
export function subjectToken(text: string): string {
  if (text.length <= MAX_TOKEN_CHARS && PLAIN.test(text)) return text;
  if (text === '') return '~';
  if (text !== lastText) {
    lastToken = escaped(text);
    lastText = text;
  }
  return lastToken;
}

/** The last text with escapes: an event needs the token of its key three times. */
let lastText = '';
let lastToken = '~';

function escaped(text: string): string {
  let token = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) as number;
    if (code > 0xffff) i++;
    token += isPlain(code) ? String.fromCharCode(code) : escapeCodePoint(code);
  }
  return token.length <= MAX_TOKEN_CHARS ? token : capped(token);
}

/**
 * The same token for use in a KV key. KV keys do not allow `~`, so it is replaced by `=`. Dots separate tokens as in subjects.
 */
export function kvToken(text: string): string {
  const token = subjectToken(text);
  return token.includes('~') ? token.replaceAll('~', '=') : token;
}

/** The text of a KV token. Undefined if the token is not valid, or has only the hash of the text. */
export function parseKvToken(token: string): string | undefined {
  if (token === '=') return '';
  const bytes = token.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  // A token in any other spelling would be a second key for the same text.
  return kvToken(text) === token ? text : undefined;
}

/** `weir.alerts.<severity>.<rule>.<key>` */
export function alertSubject(severity: Severity, rule: string, key: string): string {
  return `weir.alerts.${severity}.${subjectToken(rule)}.${subjectToken(key)}`;
}

/** `weir.alerts.<severity>.<rule>.~limit` */
export function limitSubject(severity: Severity, rule: string): string {
  return `weir.alerts.${severity}.${subjectToken(rule)}.${LIMIT_TOKEN}`;
}

/** `weir.devices.<online|offline>.<device>` */
export function deviceSubject(online: boolean, device: string): string {
  return `weir.devices.${online ? 'online' : 'offline'}.${subjectToken(device)}`;
}

/** `weir.facts.<rule>.<key>` */
export function factsSubject(rule: string, key: string): string {
  return `weir.facts.${subjectToken(rule)}.${subjectToken(key)}`;
}

/** `weir.gaps.<broker>` */
export function gapSubject(broker: string): string {
  return `weir.gaps.${subjectToken(broker)}`;
}

function isPlain(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x5f ||
    code === 0x2d
  );
}

/** Encodes UTF-8 itself, because TextEncoder encodes every lone surrogate as the same three bytes. */
function escapeCodePoint(code: number): string {
  if (code < 0x80) return escapeByte(code);
  const last = escapeByte(0x80 | (code & 0x3f));
  if (code < 0x800) return escapeByte(0xc0 | (code >> 6)) + last;
  const third = escapeByte(0x80 | ((code >> 6) & 0x3f)) + last;
  if (code < 0x10000) return escapeByte(0xe0 | (code >> 12)) + third;
  return escapeByte(0xf0 | (code >> 18)) + escapeByte(0x80 | ((code >> 12) & 0x3f)) + third;
}

function escapeByte(byte: number): string {
  return ESCAPES[byte] as string;
}

function capped(token: string): string {
  let end = MAX_TOKEN_CHARS - HASH_CHARS - 2;
  // An escape is not split.
  const tilde = token.lastIndexOf('~', end - 1);
  if (tilde > end - 3) end = tilde;
  const hash = createHash('sha256').update(token).digest('hex').slice(0, HASH_CHARS);
  return `${token.slice(0, end)}~~${hash}`;
}
