import type { JournalRecord } from '../model/record.ts';
import { readSegment, type Segment } from './segment.ts';

/** Durable records that can no longer be read. */
export interface JournalLoss {
  /** The segment that had them, or the segment before the missing ones. */
  readonly path: string;
  /** Range of the bytes that are no record: first byte, and first byte after them. Both are 0 if there are no such bytes. */
  readonly from: number;
  readonly to: number;
  /** Offset of the first lost record, and of the first readable record after it. */
  readonly firstLost: number;
  readonly nextOffset: number;
}

export interface ReadOptions {
  /** The oldest first. */
  readonly segments: readonly Segment[];
  /** First offset to read. */
  readonly from: number;
  /** First offset not to read: what follows may be half written. */
  readonly end: number;
  /** Called for each run of lost records, while reading. */
  readonly onLoss: (loss: JournalLoss) => void;
}

/** The range of a loss without bytes. */
const NO_BYTES = { from: 0, to: 0 };

/** Reads records in order. Records that are damaged or missing are reported, and reading continues after them. */
export async function* readRecords(options: ReadOptions): AsyncGenerator<readonly JournalRecord[]> {
  const { segments, from, end, onLoss } = options;
  let expected = from;
  const reportLoss = ({ path }: Segment, bytes: { from: number; to: number }, nextOffset: number): void => {
    if (nextOffset > expected) onLoss({ path, from: bytes.from, to: bytes.to, firstLost: expected, nextOffset });
  };
  for (const [index, segment] of segments.entries()) {
    const next = segments[index + 1];
    if (next !== undefined && next.firstOffset <= from) continue;
    let damage = NO_BYTES;
    for await (const part of readSegment(segment)) {
      if (part.kind === 'damage') damage = part;
      else if (part.kind === 'end') {
        if (part.soundBytes < segment.bytes) damage = { from: part.soundBytes, to: segment.bytes };
      } else {
        const wanted = part.records.filter(({ offset }) => offset >= from && offset < end);
        for (const { offset } of wanted) {
          reportLoss(segment, damage, offset);
          expected = offset + 1;
          damage = NO_BYTES;
        }
        if (wanted.length > 0) yield wanted;
        if (expected >= end) return;
      }
    }
    // Records between the last sound record of this segment and the next segment.
    if (next !== undefined) reportLoss(segment, damage, next.firstOffset);
    expected = Math.max(expected, next?.firstOffset ?? 0);
  }
}

/** Finds the record at an offset; undefined if it is lost, or its segment was deleted. */
export async function findRecord(segments: readonly Segment[], offset: number): Promise<JournalRecord | undefined> {
  const segment = segments.findLast(({ firstOffset }) => firstOffset <= offset);
  if (segment === undefined) return undefined;
  try {
    for await (const part of readSegment(segment)) {
      if (part.kind !== 'records') continue;
      const found = part.records.find((record) => record.offset === offset);
      if (found !== undefined || part.records.at(-1)!.offset > offset) return found;
    }
  } catch (error) {
    // The segment was released meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return undefined;
}
