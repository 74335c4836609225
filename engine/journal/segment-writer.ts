import type { Counters } from '../telemetry.ts';
import { type Disk, type DiskFile, DURABLE } from './disk.ts';
import { encodeHeader, HEADER_BYTES } from './format.ts';
import type { Group } from './group.ts';
import { type Segment, segmentPath } from './segment.ts';
import { syncFolder } from './sync-folder.ts';

export interface SegmentWriterOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** The segments of the journal, the oldest first. The writer updates the sizes, and adds new segments. */
  readonly segments: Segment[];
  readonly journalId: string;
  /** A new segment begins when the newest one has reached this size. */
  readonly segmentBytes: number;
  readonly counters: Counters;
}

/** Writes groups of records to the newest segment. Only one call may be in progress. */
export interface SegmentWriter {
  /** Appends a group. Resolves once it is on the disk; rejects if the disk fails. */
  write(group: Group): Promise<void>;
  /** The next group begins a new segment. */
  endSegment(): void;
  close(): Promise<void>;
}

export function createSegmentWriter(options: SegmentWriterOptions): SegmentWriter {
  const { folder, disk, segments, journalId, segmentBytes, counters } = options;
  let file: DiskFile | undefined;
  let isEnded = false;

  const beginSegment = async (firstOffset: number): Promise<void> => {
    await file?.close();
    const path = segmentPath(folder, firstOffset);
    file = await disk.open(path, DURABLE.create);
    await file.write(encodeHeader({ journalId, firstOffset }));
    // The name of the file must be as durable as its content.
    await syncFolder(folder);
    segments.push({ path, firstOffset, bytes: HEADER_BYTES });
    isEnded = false;
  };
  return {
    async write({ firstOffset, buffer, length }) {
      const newest = segments.at(-1);
      if (newest === undefined || newest.bytes >= segmentBytes || isEnded) await beginSegment(firstOffset);
      const segment = segments.at(-1)!;
      file ??= await disk.open(segment.path, DURABLE.append);
      let written = 0;
      while (written < length) written += (await file.write(buffer, written, length - written)).bytesWritten;
      segment.bytes += length;
      counters.journal_syncs += 1;
      counters.journal_bytes += length;
    },
    endSegment() {
      isEnded = true;
    },
    async close() {
      await file?.close();
    },
  };
}
