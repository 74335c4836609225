import { createHash } from 'node:crypto';
import type { Severity } from '../model/rule.ts';

/** A token is never longer than this; a subject of four tokens so stays far below the 4096 bytes that NATS allows a command line. */
export const MAX_TOKEN_CHARS = 200;

/** Subject of what could not be decoded. */
export const DEADLETTERS_SUBJECT = 'weir.deadletters';

/** Stands where the key does for what concerns all alerts of a rule. No text makes this token. */
export const LIMIT_TOKEN = '~limit';

const PLAIN = /^[A-Za-z0-9_-]+$/;
const HASH_CHARS = 32;
const ESCAPED = /=([0-9A-F]{2})/g;
const ESCAPES = Array.from({ length: 256 }, (_, byte) => `~${byte.toString(16).toUpperCase().padStart(2, '0')}`);

/**
 * One token of a NATS subject for any text. `A–Z a–z 0–9 _ -` stay, every other byte of the UTF-8 becomes `~XX`
 * (a lone surrogate counts as the three bytes that UTF-8 would give its code point), the empty text becomes `~`.
 * Different texts make different tokens. One that would be longer than 200 characters ends in `~~` and 32 hex digits
 * of the SHA-256 of the whole; no shorter text makes a token with `~~` inside.
 */
export function subjectToken(text: string): string {
  if (text.length <= MAX_TOKEN_CHARS && PLAIN.test(text)) return text;
  if (text === '') return '~';
  let token = '';
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) as number;
    if (code > 0xffff) i++;
    token += isPlain(code) ? String.fromCharCode(code) : escapeCodePoint(code);
  }
  return token.length <= MAX_TOKEN_CHARS ? token : capped(token);
}

/**
 * The same token as part of a KV key. KV keys do not allow `~`, so `=` stands in its place; dots separate tokens as in subjects.
 */
export function kvToken(text: string): string {
  return subjectToken(text).replaceAll('~', '=');
}

/** The text that a KV token stands for; undefined where it stands for none, or only for the hash of one. */
export function parseKvToken(token: string): string | undefined {
  if (token === '=') return '';
  const bytes = token.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const text = Buffer.from(bytes, 'latin1').toString('utf8');
  // Whatever is written in another way than ours would be a second key for the same text.
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

/** Encodes by hand, because TextEncoder makes the same three bytes of every lone surrogate. */
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
  // An escape is not cut in half.
  const tilde = token.lastIndexOf('~', end - 1);
  if (tilde > end - 3) end = tilde;
  const hash = createHash('sha256').update(token).digest('hex').slice(0, HASH_CHARS);
  return `${token.slice(0, end)}~~${hash}`;
}
