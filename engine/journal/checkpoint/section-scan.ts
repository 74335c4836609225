import type { FileReader } from './file-reader.ts';
import {
  alignUp,
  COMMIT_HEAD_BYTES,
  COMMIT_MARK,
  type Commit,
  commitBytes,
  decodeCommit,
  FRAME_BYTES,
  KIND,
} from './format.ts';

/** What is found where a section may begin: a committed section, the rest of one that was never committed, or damage. */
export type ScannedSection =
  | {
      readonly kind: 'section';
      readonly commit: Commit;
      /** The frames, as positions in the file. */
      readonly from: number;
      readonly to: number;
      /** Where the next section begins. */
      readonly next: number;
    }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'damaged'; readonly why: string };

const SEARCH_BYTES = 512 * 1024;

/** Reads the section at a position and verifies it. `link`: as in its commit record. */
export function scanSection(reader: FileReader, from: number, link: number): ScannedSection {
  reader.seek(from);
  reader.beginChecksum();
  for (let frames = 0; ; frames++) {
    const frame = reader.peek(FRAME_BYTES);
    const kind = frame?.[0] ?? 0;
    // Zeros: a crash of the machine can leave a file longer than what was written.
    if (frame === undefined || kind === 0) return { kind: 'unfinished' };
    if (kind === KIND.commit) return verifyCommit(reader, from, link, frames);
    if (kind !== KIND.part && kind !== KIND.removed) {
      return { kind: 'damaged', why: `no frame begins at byte ${reader.position}` };
    }
    if (!reader.skip(FRAME_BYTES + frame.readUInt32LE(5))) return { kind: 'unfinished' };
  }
}

function verifyCommit(reader: FileReader, from: number, link: number, frames: number): ScannedSection {
  const to = reader.position;
  const crc = reader.checksum();
  const head = reader.peek(COMMIT_HEAD_BYTES);
  if (head === undefined) return { kind: 'unfinished' };
  const bytes = commitBytes(head);
  const record = bytes === undefined ? undefined : reader.peek(bytes);
  if (bytes !== undefined && record === undefined) return { kind: 'unfinished' };
  const commit = record === undefined ? undefined : decodeCommit(record, link);
  if (commit === undefined) return { kind: 'damaged', why: 'the checksum of its commit record does not match' };
  if (commit.crc !== crc || commit.frames !== frames || commit.bytes !== to - from) {
    return { kind: 'damaged', why: 'its checksum does not match its content' };
  }
  return { kind: 'section', commit, from, to, next: alignUp(to + bytes!) };
}

/** Whether there is a whole commit record somewhere after a position: then bytes before it that are no section were damaged. */
export function hasCommitAfter(reader: FileReader, from: number): boolean {
  reader.seek(from);
  for (;;) {
    // A copy can end before the position.
    const left = Math.max(0, reader.size - reader.position);
    const bytes = reader.peek(Math.min(SEARCH_BYTES, left));
    if (bytes === undefined || bytes.length < COMMIT_HEAD_BYTES) return false;
    for (let at = bytes.indexOf(COMMIT_MARK); at >= 0; at = bytes.indexOf(COMMIT_MARK, at + 1)) {
      if (at + COMMIT_HEAD_BYTES > bytes.length) break;
      const length = commitBytes(bytes.subarray(at, at + COMMIT_HEAD_BYTES));
      if (length !== undefined && at + length <= left) return true;
    }
    reader.skip(bytes.length - COMMIT_HEAD_BYTES + 1);
  }
}
