import { randomUUID } from 'node:crypto';
import { chmod, truncate, unlink } from 'node:fs/promises';
import { HEADER_BYTES } from './format.ts';
import { listSegments, readHeader, readSegment, type Segment } from './segment.ts';

/** A journal as it is on the disk, ready for new records. */
export interface FoundJournal {
  /** A new id if the folder has no segment. */
  readonly id: string;
  /** The oldest first. */
  readonly segments: Segment[];
  /** Offset that the next record gets. */
  readonly nextOffset: number;
  /** Bytes that were cut off because a crash had left the last record incomplete. */
  readonly tornBytes: number;
}

/**
 * Finds the journal of a folder. Cuts off an incomplete last record: it was never reported as durable. Rejects if there are segments, and none
 * has a readable header.
 */
export async function inspectJournal(folder: string): Promise<FoundJournal> {
  const segments = await listSegments(folder);
  await makePrivate(segments);
  return { segments, ...(await inspectEnd(segments)) };
}

/** Restricts segments to their owner: earlier versions created segments that every user of the machine could read. */
async function makePrivate(segments: readonly Segment[]): Promise<void> {
  for (const { path } of segments) {
    await chmod(path, 0o600).catch((error: NodeJS.ErrnoException) => {
      // The file belongs to another user, but this user may be able to read and write it.
      if (error.code !== 'EPERM' && error.code !== 'EROFS') throw error;
    });
  }
}

async function inspectEnd(segments: Segment[]): Promise<Omit<FoundJournal, 'segments'>> {
  const last = segments.at(-1);
  if (last === undefined) return { id: randomUUID().replaceAll('-', '').slice(0, 16), nextOffset: 0, tornBytes: 0 };
  if (last.bytes < HEADER_BYTES) {
    // A crash happened after the file was created and before its header was written: it has no record.
    await unlink(last.path);
    segments.pop();
    const before = await inspectEnd(segments);
    const nextOffset = Math.max(before.nextOffset, last.firstOffset);
    return { ...before, nextOffset, tornBytes: before.tornBytes + last.bytes };
  }
  const id = await findJournalId(segments);
  let nextOffset = last.firstOffset;
  let tornBytes = 0;
  for await (const part of readSegment(last)) {
    if (part.kind === 'records') nextOffset = part.records.at(-1)!.offset + 1;
    else if (part.kind === 'end' && part.soundBytes < last.bytes) {
      tornBytes = last.bytes - part.soundBytes;
      await truncate(last.path, part.soundBytes);
      last.bytes = part.soundBytes;
    }
  }
  return { id, nextOffset, tornBytes };
}

/** Every header has the id, so one damaged header does not matter. */
async function findJournalId(segments: readonly Segment[]): Promise<string> {
  for (const { path } of segments.toReversed()) {
    const header = await readHeader(path);
    if (header !== undefined) return header.journalId;
  }
  const { path } = segments.at(-1)!;
  throw new Error(
    `${path} does not begin with the header of a journal, and no other segment has a readable header. Restore the file from a backup, or move the folder away to begin a new journal.`,
  );
}
