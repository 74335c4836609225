import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeHeader, HEADER_BYTES, type SegmentHeader } from './format.ts';
import { listSegments, readHeader, readSegment, type Segment } from './segment.ts';
import { syncFolder } from './sync-folder.ts';

/** The result of reading one segment of a journal to its end. */
export interface SegmentSurvey {
  readonly segment: Segment;
  /** Undefined if it cannot be read. */
  readonly header: SegmentHeader | undefined;
  /** Number of sound records. */
  readonly records: number;
  /** Offset after the last record. */
  readonly nextOffset: number;
  /** Ranges of bytes between records that are no record. */
  readonly damages: readonly { readonly from: number; readonly to: number }[];
  /** Bytes after the last record. In the last segment a crash may have left them; in other segments they are damage. */
  readonly tailBytes: number;
  /** Number of missing records before and within this segment. */
  readonly missing: number;
}

/** Reads every segment of a folder, the oldest first, and changes nothing. */
export async function* surveyJournal(folder: string): AsyncGenerator<SegmentSurvey> {
  let expected: number | undefined;
  for (const segment of await listSegments(folder)) {
    const damages: { from: number; to: number }[] = [];
    let records = 0;
    let missing = Math.max(0, segment.firstOffset - (expected ?? segment.firstOffset));
    let nextOffset = segment.firstOffset;
    let soundBytes = HEADER_BYTES;
    for await (const part of readSegment(segment)) {
      if (part.kind === 'damage') damages.push({ from: part.from, to: part.to });
      else if (part.kind === 'end') soundBytes = part.soundBytes;
      else {
        records += part.records.length;
        missing += part.records[0]!.offset - nextOffset;
        nextOffset = part.records.at(-1)!.offset + 1;
      }
    }
    const tailBytes = Math.max(0, segment.bytes - soundBytes);
    yield { segment, header: await readHeader(segment.path), records, nextOffset, damages, tailBytes, missing };
    expected = nextOffset;
  }
}

/** Whether every byte of a segment is readable. */
export function isSound({ header, damages, tailBytes }: SegmentSurvey): boolean {
  return header !== undefined && damages.length === 0 && tailBytes === 0;
}

/**
 * Writes the segment again without the bytes that are no record, and keeps the damaged file as NAME.damaged; returns the path of that file. No
 * other process may have the journal open. A crash leaves the damaged or the repaired file.
 */
export async function repairSegment(
  { segment, damages, tailBytes }: SegmentSurvey,
  journalId: string,
): Promise<string> {
  const { path, firstOffset, bytes } = segment;
  const aside = `${path}.new`;
  const kept = `${path}.damaged`;
  const from = await open(path, 'r');
  const to = await open(aside, 'w', 0o600);
  try {
    await to.write(encodeHeader({ journalId, firstOffset }));
    let at = HEADER_BYTES;
    for (const damage of [...damages, { from: bytes - tailBytes, to: bytes }]) {
      await copyBytes(from, to, at, damage.from);
      at = damage.to;
    }
    // The user of the engine must be able to use the file, also if root repairs it.
    const { uid, gid } = await from.stat();
    if (process.getuid?.() === 0) await to.chown(uid, gid);
    await to.sync();
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
  await rename(path, kept);
  await rename(aside, path);
  await syncFolder(dirname(path));
  return kept;
}

const COPY_BYTES = 1024 * 1024;

async function copyBytes(from: FileHandle, to: FileHandle, start: number, end: number): Promise<void> {
  for (let at = start; at < end; ) {
    const { buffer, bytesRead } = await from.read(Buffer.allocUnsafe(Math.min(COPY_BYTES, end - at)), 0, null, at);
    if (bytesRead === 0) return;
    await to.write(buffer, 0, bytesRead);
    at += bytesRead;
  }
}
