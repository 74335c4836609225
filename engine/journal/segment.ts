import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
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
  /** Size of the file. */
  bytes: number;
}

const READ_BYTES = 1024 * 1024;
const NAME = /^journal-(\d{16})\.wal$/;

export function segmentPath(folder: string, firstOffset: number): string {
  return join(folder, `journal-${String(firstOffset).padStart(16, '0')}.wal`);
}

/** The segments of a folder, the oldest first. */
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

/** Reads the header of a segment; undefined if the file does not begin with a header of this format. */
export async function readHeader(path: string): Promise<SegmentHeader | undefined> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    return decodeHeader(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** The content of a segment, in order: arrays of records, ranges of bytes that are no record, and finally where the sound records end. */
export type SegmentPart =
  | { readonly kind: 'records'; readonly records: JournalRecord[] }
  | { readonly kind: 'damage'; readonly from: number; readonly to: number }
  | { readonly kind: 'end'; readonly soundBytes: number };

/**
 * Reads a segment in order, about a megabyte at a time. Bytes that are no record are damage if a sound record follows somewhere after them;
 * then reading continues with that record. Otherwise they are the end: a crash left the last record incomplete. Each array has its own memory.
 */
export async function* readSegment({ path, firstOffset }: Segment): AsyncGenerator<SegmentPart> {
  const file = await open(path, 'r');
  try {
    let position = HEADER_BYTES;
    let nextOffset = firstOffset;
    for (;;) {
      for await (const { records, end } of readSound(file, position)) {
        yield { kind: 'records', records };
        position = end;
        nextOffset = records.at(-1)!.offset + 1;
      }
      const resumeAt = await findSoundRecord(file, position, nextOffset);
      if (resumeAt === undefined) return yield { kind: 'end', soundBytes: position };
      yield { kind: 'damage', from: position, to: resumeAt };
      position = resumeAt;
    }
  } finally {
    await file.close();
  }
}

/** Position of the first sound record after `from`. `nextOffset` is the offset that the record at `from` should have had. */
async function findSoundRecord(file: FileHandle, from: number, nextOffset: number): Promise<number | undefined> {
  const { size } = await file.stat();
  const bytes = Buffer.allocUnsafe(Math.max(0, size - from));
  await file.read(bytes, 0, bytes.length, from);
  for (let at = 1; at < bytes.length; at++) {
    const offset = peekOffset(bytes, at);
    const possible = offset > nextOffset && offset <= nextOffset + bytes.length;
    if (possible && decodeRecord(bytes, at).kind === 'record') return from + at;
  }
  return undefined;
}

/** The records from a position on, up to the first bytes that are no record. `end` is the position after each array. */
async function* readSound(
  file: FileHandle,
  from: number,
): AsyncGenerator<{ readonly records: JournalRecord[]; readonly end: number }> {
  let position = from;
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
    if (records.length > 0) yield { records, end: position };
    if (next.kind === 'damaged' || bytesRead < wanted) return;
    // The record may be larger than the buffer: read again with more room.
    wanted = at === 0 ? Math.min(wanted * 4, MAX_RECORD_BYTES * 2) : READ_BYTES;
  }
}
