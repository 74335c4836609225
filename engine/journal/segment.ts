import { type FileHandle, open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { JournalRecord } from '../model/record.ts';
import {
  decodeHeader,
  decodeRecord,
  HEADER_BYTES,
  MAX_RECORD_BYTES,
  peekOffset,
  type SegmentHeader,
} from './format.ts';

/** A segment file: the records from its first offset up to the next segment's. */
export interface Segment {
  readonly path: string;
  readonly firstOffset: number;
  bytes: number;
}

const READ_BYTES = 1024 * 1024;
const NAME = /^journal-(\d{16})\.wal$/;

export function segmentPath(folder: string, firstOffset: number): string {
  return join(folder, `journal-${String(firstOffset).padStart(16, '0')}.wal`);
}

/** The segments of a folder, earliest first. */
export async function listSegments(folder: string): Promise<Segment[]> {
  const segments: Segment[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const path = join(folder, name);
    segments.push({ path, firstOffset: Number(match[1]), bytes: (await stat(path)).size });
  }
  return segments;
}

/** Undefined where the file does not begin with a header of this format. */
export async function readHeader(path: string): Promise<SegmentHeader | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return decodeHeader(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** What reading a segment comes to: arrays of records, and at last where the sound records end. */
export type SegmentPart =
  | { readonly kind: 'records'; readonly records: JournalRecord[] }
  | { readonly kind: 'end'; readonly soundBytes: number; readonly damage: 'none' | 'torn' | 'damaged' };

/**
 * Reads a segment in order, about a megabyte at a time. Stops at the first bytes that are no record: `torn` where the file ends in
 * the middle of one, `damaged` where a checksum or length is wrong. Each array has memory of its own.
 */
export async function* readSegment(path: string): AsyncGenerator<SegmentPart> {
  const file = await open(path, 'r');
  try {
    yield* readRecords(file);
  } finally {
    await file.close();
  }
}

/**
 * Whether a sound record stands somewhere behind the place where reading stopped: then that place is no torn end, but damage in the
 * midst of records that somebody was told are safe. `nextOffset` is the offset that the record there should have had.
 */
export async function hasRecordsBehind(path: string, soundBytes: number, nextOffset: number): Promise<boolean> {
  const bytes = (await readFile(path)).subarray(soundBytes);
  for (let at = 1; at < bytes.length; at++) {
    const offset = peekOffset(bytes, at);
    const possible = offset > nextOffset && offset <= nextOffset + bytes.length;
    if (possible && decodeRecord(bytes, at).kind === 'record') return true;
  }
  return false;
}

async function* readRecords(file: FileHandle): AsyncGenerator<SegmentPart> {
  let position = HEADER_BYTES;
  let wanted = READ_BYTES;
  for (;;) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, position);
    const bytes = buffer.subarray(0, bytesRead);
    const records: JournalRecord[] = [];
    let at = 0;
    let next = decodeRecord(bytes, at);
    while (next.kind === 'record') {
      records.push(next.record);
      at = next.end;
      next = decodeRecord(bytes, at);
    }
    position += at;
    if (records.length > 0) yield { kind: 'records', records };
    if (next.kind === 'damaged') return yield { kind: 'end', soundBytes: position, damage: 'damaged' };
    if (bytesRead < wanted) {
      return yield { kind: 'end', soundBytes: position, damage: at === bytesRead ? 'none' : 'torn' };
    }
    // A record larger than the buffer: read again with room for it.
    wanted = at === 0 ? Math.min(wanted * 4, MAX_RECORD_BYTES * 2) : READ_BYTES;
  }
}
