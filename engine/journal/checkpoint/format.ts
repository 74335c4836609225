import { crc32 } from 'node:zlib';
import type { StreamPositions } from '../../ports.ts';

/**
 * The bytes of a checkpoint file.
 *
 * File: header, then sections; the first section is full, the others have changes. Section: frames, a commit record, and zeros up to the
 * next multiple of `ALIGNMENT`.
 * Header (20 bytes): `WEIRCKP` and a version byte; generation (float64); CRC-32 of the bytes before.
 * Frame: kind (u8), part number (u32), length of the content (u32), content. A removed part has no content.
 * Commit record: head (16 bytes): kind (u8), `COMMIT.`, length of the body (u32), CRC-32 of the bytes before; then the body: CRC-32 of the
 * frames, link (u32: CRC-32 at the end of the previous commit record; in the first section, that of the header), number of frames (u32),
 * bytes of the frames (float64), length (u32) and text of `Details` as JSON in UTF-8, number of heads (u32), length (u32) and bytes of each
 * head; CRC-32 of the body before.
 * Little endian throughout. A version of Weir with other sections must keep the header.
 */
export const VERSION = 1;
export const HEADER_BYTES = 20;
const MAGIC = 'WEIRCKP';

export const FRAME_BYTES = 9;
/** Any two kinds differ in four bits or more, so that a flipped bit does not make another kind. Zero is no kind. */
export const KIND = { part: 0x3c, removed: 0x5a, commit: 0xa5 } as const;
/** The largest content of a part. */
export const MAX_PART_BYTES = 256 * 1024 * 1024;

/** A section begins at a multiple of this, so that no later write touches a disk sector with a committed section. */
const ALIGNMENT = 4096;
export const COMMIT_HEAD_BYTES = 16;
/** The fixed part at the begin of its body. */
const SUMMARY_BYTES = 24;
/** The first bytes of a commit record. */
export const COMMIT_MARK = Buffer.from(`${String.fromCharCode(KIND.commit)}COMMIT.`, 'latin1');

/** What a checkpoint says about itself. */
export interface CheckpointHead {
  readonly journalId: string;
  /** First offset that is not in the state: the fold continues there. */
  readonly nextOffset: number;
  /** Positions of the event streams: events of records from `nextOffset` on come after them. Absent if the positions are unknown. */
  readonly events?: StreamPositions;
  /** Small pieces of the state that are needed before any part. */
  readonly heads: readonly Buffer[];
}

type Details = Omit<CheckpointHead, 'heads'>;

/** The frames of a section, as its commit record describes them. */
export interface FrameSummary {
  readonly frames: number;
  readonly bytes: number;
  readonly crc: number;
}

export interface Commit extends FrameSummary {
  readonly head: CheckpointHead;
  /** The link in the next commit record. */
  readonly nextLink: number;
}

/** The first position for a section at or after `position`. */
export function alignUp(position: number): number {
  return Math.ceil(position / ALIGNMENT) * ALIGNMENT;
}

/** Encodes a header. The link in the first commit record is its last four bytes, see `linkOf`. */
export function encodeHeader(generation: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes[7] = VERSION;
  bytes.writeDoubleLE(generation, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  return bytes;
}

/** Decodes a header; undefined if the bytes are no undamaged header of any version. */
export function decodeHeader(
  bytes: Buffer,
): { readonly version: number; readonly generation: number; readonly link: number } | undefined {
  const isSound = bytes.toString('latin1', 0, 7) === MAGIC && crc32(bytes.subarray(0, 16)) === linkOf(bytes);
  return isSound ? { version: bytes[7]!, generation: bytes.readDoubleLE(8), link: linkOf(bytes) } : undefined;
}

/** The last four bytes of a header or commit record: the CRC-32 that the next commit record has as its link. */
export function linkOf(bytes: Buffer): number {
  return bytes.readUInt32LE(bytes.length - 4);
}

export function encodeCommit({ frames, bytes, crc }: FrameSummary, link: number, head: CheckpointHead): Buffer {
  const { heads, ...details } = head;
  const text = Buffer.from(JSON.stringify(details satisfies Details));
  const summary = Buffer.alloc(SUMMARY_BYTES);
  summary.writeUInt32LE(crc, 0);
  summary.writeUInt32LE(link, 4);
  summary.writeUInt32LE(frames, 8);
  summary.writeDoubleLE(bytes, 12);
  summary.writeUInt32LE(text.length, 20);
  const pieces = heads.flatMap((piece) => [u32(piece.length), piece]);
  const body = Buffer.concat([summary, text, u32(heads.length), ...pieces]);
  const start = Buffer.concat([COMMIT_MARK, u32(body.length + 4)]);
  return Buffer.concat([start, u32(crc32(start)), body, u32(crc32(body))]);
}

/** The length of a whole commit record; undefined if the bytes are no undamaged head of one. */
export function commitBytes(head: Buffer): number | undefined {
  const isSound = head.indexOf(COMMIT_MARK) === 0 && crc32(head.subarray(0, 12)) === head.readUInt32LE(12);
  return isSound ? COMMIT_HEAD_BYTES + head.readUInt32LE(8) : undefined;
}

/** Decodes a whole commit record, and copies what it needs. Undefined if it is damaged, or does not follow the record with the CRC-32 `link`. */
export function decodeCommit(record: Buffer, link: number): Commit | undefined {
  const body = record.subarray(COMMIT_HEAD_BYTES);
  if (body.length < SUMMARY_BYTES || crc32(body.subarray(0, -4)) !== linkOf(body) || body.readUInt32LE(4) !== link)
    return undefined;
  let at = SUMMARY_BYTES + body.readUInt32LE(20);
  const details = JSON.parse(body.toString('utf8', SUMMARY_BYTES, at)) as Details;
  const heads: Buffer[] = [];
  const count = body.readUInt32LE(at);
  at += 4;
  while (heads.length < count) {
    const end = at + 4 + body.readUInt32LE(at);
    heads.push(Buffer.from(body.subarray(at + 4, end)));
    at = end;
  }
  return {
    crc: body.readUInt32LE(0),
    frames: body.readUInt32LE(8),
    bytes: body.readDoubleLE(12),
    head: { ...details, heads },
    nextLink: linkOf(body),
  };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
