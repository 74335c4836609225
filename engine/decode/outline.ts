import { isUtf8 } from 'node:buffer';
import { Rejection } from './rejection.ts';

/** The value that begins at a position of a binary payload. One object is reused for all positions. */
export interface Head {
  /** A `list` has `size` items (Infinity: until a `break`); `text` and `skip` have `size` bytes. */
  kind: 'skip' | 'text' | 'list' | 'break' | 'unknown';
  size: number;
  /** Position of its content. */
  next: number;
}

/** Reads the head of the value at `at` into `head`. `next` may then be after the end of the bytes. */
export type ReadHead = (bytes: Uint8Array, at: number, head: Head) => void;

/**
 * Walks through a binary payload without building anything. It checks that the payload is complete, that texts are UTF-8 and that
 * lists nest no deeper than `depth`. Returns a `Rejection`, or whether any text has the length of a forbidden key.
 */
export function outline(bytes: Uint8Array, depth: number, readHead: ReadHead, format: string): Rejection | boolean {
  const head: Head = { kind: 'skip', size: 0, next: 0 };
  const left = [1];
  let level = 0;
  let at = 0;
  let suspect = false;
  for (;;) {
    while (left[level] === 0 && level > 0) level--;
    if (left[level] === 0)
      return at === bytes.length ? suspect : malformed(format, `has ${bytes.length - at} bytes after its end`);
    readHead(bytes, at, head);
    if (head.kind === 'unknown')
      return malformed(format, `has an unknown type 0x${bytes[at]?.toString(16)} at byte ${at + 1}`);
    at = head.next + (head.kind === 'list' ? 0 : head.size);
    if (at > bytes.length) return malformed(format, `ends after ${bytes.length} bytes, in the middle of a value`);
    if (head.kind === 'break') {
      if (left[level] !== Number.POSITIVE_INFINITY) return malformed(format, `has a stray break at byte ${at}`);
      left[level] = 0;
      continue;
    }
    left[level]! -= 1;
    if (head.kind === 'list') {
      if (++level > depth)
        return new Rejection(
          'too-deep',
          `the payload nests deeper than ${depth} levels; flatten it or raise limits.depth`,
        );
      left[level] = head.size;
    } else if (head.kind === 'text') {
      if (!isText(bytes, head.next, at))
        return new Rejection('invalid-utf8', `the text at byte ${head.next + 1} is not UTF-8; send raw bytes as such`);
      suspect ||= head.size === 9 || head.size === 11;
    }
  }
}

function malformed(format: string, what: string): Rejection {
  return new Rejection('malformed', `the payload is not ${format}: it ${what}; send one whole value`);
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i]! > 0x7f) return isUtf8(bytes.subarray(start, end));
  }
  return true;
}

/** The big-endian unsigned integer of `width` bytes. Bytes after the end count as zero. */
export function readUint(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[at + i] ?? 0);
  return value;
}
