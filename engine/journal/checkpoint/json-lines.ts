import { constants } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DamagedCheckpoint } from './access.ts';

const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

/**
 * Reads a whole file once. Returns its first line, and the CRC-32 of the rest. Throws `DamagedCheckpoint` if a line is too long to be
 * read as a string.
 */
export function readHeadAndCrc(path: string): { readonly head: string; readonly crc: number } {
  let head: string | undefined;
  let crc = 0;
  let first: Buffer[] = [];
  let lineBytes = 0;
  for (const chunk of readChunks(path)) {
    let from = 0;
    if (head === undefined) {
      const end = chunk.indexOf(NEWLINE);
      first.push(Buffer.from(end < 0 ? chunk : chunk.subarray(0, end)));
      if (end < 0) continue;
      head = Buffer.concat(first).toString();
      first = [];
      from = end + 1;
    }
    crc = crc32(from === 0 ? chunk : chunk.subarray(from), crc);
    lineBytes = checkLines(chunk, from, lineBytes, path);
  }
  return { head: head ?? Buffer.concat(first).toString(), crc };
}

/** Checks the length of the lines in a chunk. Returns how many bytes the last line has so far. */
function checkLines(chunk: Buffer, from: number, before: number, path: string): number {
  let start = from - before;
  for (let end = chunk.indexOf(NEWLINE, from); end >= 0; end = chunk.indexOf(NEWLINE, end + 1)) {
    checkLength(end - start, path);
    start = end + 1;
  }
  checkLength(chunk.length - start, path);
  return chunk.length - start;
}

function checkLength(bytes: number, path: string): void {
  if (bytes > constants.MAX_STRING_LENGTH) {
    throw new DamagedCheckpoint(path, `it has a line of more than ${constants.MAX_STRING_LENGTH} bytes`);
  }
}

/**
 * Reads the lines of a file, in UTF-8 and without line ends. A line is valid until the next one is read. Reads synchronously, because the
 * restore of a state is synchronous.
 */
export function* readLineBytes(path: string): Generator<Buffer> {
  let begun: Buffer[] = [];
  for (const chunk of readChunks(path)) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      const line = chunk.subarray(start, end);
      yield begun.length === 0 ? line : Buffer.concat([...begun, line]);
      begun = [];
      start = end + 1;
    }
    if (start < chunk.length) begun.push(Buffer.from(chunk.subarray(start)));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

/** Reads a file in chunks. Each chunk reuses the memory of the previous one. */
function* readChunks(path: string): Generator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let bytes = readSync(file, buffer); bytes > 0; bytes = readSync(file, buffer)) {
      yield buffer.subarray(0, bytes);
    }
  } finally {
    closeSync(file);
  }
}
