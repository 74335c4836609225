import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeHeader, HEADER_BYTES, type SegmentHeader } from './format.ts';
import { listSegments, readHeader, readSegment, type Segment } from './segment.ts';
import { syncFolder } from './sync-folder.ts';

/** What one segment of a journal came to, read to its end. */
export interface SegmentSurvey {
  readonly segment: Segment;
  /** Undefined where it cannot be read. */
  readonly header: SegmentHeader | undefined;
  readonly records: number;
  /** Offset behind the last record. */
  readonly nextOffset: number;
  /** Bytes in between that are no records. */
  readonly damages: readonly { readonly from: number; readonly to: number }[];
  /** Bytes behind the last record: of the last segment what a crash left, of another one damage. */
  readonly tailBytes: number;
  /** Offsets missing in front of it and within it. */
  readonly missing: number;
}

/** Reads every segment of a folder, earliest first, and changes nothing. */
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

/** Whether every byte of it can be read. */
export function isSound({ header, damages, tailBytes }: SegmentSurvey): boolean {
  return header !== undefined && damages.length === 0 && tailBytes === 0;
}

/**
 * Writes the segment anew without the bytes that are no records, and keeps the damaged file beside it; returns that file's name. Nobody
 * else may have the journal open. A crash leaves the one or the other.
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
    // The engine must be able to go on with it, whoever mends it.
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
