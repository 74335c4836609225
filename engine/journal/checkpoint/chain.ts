import { DamagedCheckpoint, newerVersion, readIfThere } from './access.ts';
import { FileReader } from './file-reader.ts';
import { type CheckpointHead, decodeHeader, FRAME_BYTES, HEADER_BYTES, KIND, VERSION } from './format.ts';
import type { Copies } from './names.ts';
import { PartSet } from './part-set.ts';
import { hasCommitAfter, type ScannedSection, scanSection } from './section-scan.ts';

/** What the files of a generation hold: its committed sections up to the first that is damaged in both copies. */
export interface Chain {
  readonly sections: readonly SectionOnDisk[];
  /** The head of the last section; undefined if there is none. */
  readonly head: CheckpointHead | undefined;
  /** Why the files cannot be read to their end; undefined if they can. */
  readonly damage: string | undefined;
  /** Damage in one copy that cost nothing, because the other copy was read. */
  readonly repaired: readonly string[];
}

/** The frames of a committed section: a range of a file. */
export interface SectionOnDisk {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}

/** One of both copies. */
interface Copy {
  readonly path: string;
  readonly reader: FileReader | undefined;
  /** Taken from the header; undefined if that is damaged. */
  readonly link: number | undefined;
  /** Why it, or its header, cannot be read. */
  readonly why: string | undefined;
  /** Whether the disk cannot read it. */
  readonly isUnreadable: boolean;
}

/** Reads and verifies a generation. Throws if access is denied, or if a newer version of Weir wrote it. */
export function readChain(paths: Copies, generation: number): Chain {
  const copies: Copy[] = [];
  try {
    for (const path of paths) copies.push(openCopy(path, generation));
    return readSections(copies);
  } finally {
    for (const { reader } of copies) reader?.close();
  }
}

function openCopy(path: string, generation: number): Copy {
  let reader: FileReader | undefined;
  try {
    reader = readIfThere(path, () => new FileReader(path));
    const bytes = readIfThere(path, () => reader?.peek(HEADER_BYTES));
    const header = bytes && decodeHeader(bytes);
    if (header !== undefined && header.version > VERSION) throw newerVersion(path, header.version, String(VERSION));
    const link = header?.generation === generation ? header.link : undefined;
    const why = reader === undefined ? 'it is missing' : link === undefined ? 'its header is damaged' : undefined;
    return { path, reader, link, why, isUnreadable: false };
  } catch (error) {
    if (error instanceof DamagedCheckpoint)
      return { path, reader, link: undefined, why: error.why, isUnreadable: true };
    reader?.close();
    throw error;
  }
}

function readSections(copies: readonly Copy[]): Chain {
  const sections: SectionOnDisk[] = [];
  const repaired = new Map(copies.flatMap(({ path, why }) => (why === undefined ? [] : [[path, why] as const])));
  /** Copies that end before the last section. That is damage only if a later section follows: a crash can leave the last one in one copy. */
  let short: string[] = [];
  let link = copies.find((copy) => copy.link !== undefined)?.link;
  let head: CheckpointHead | undefined;
  const unreadable = copies.filter(({ isUnreadable }) => isUnreadable);
  let damage = link === undefined ? explainDamage(copies, 0, unreadable) : undefined;
  for (let at = HEADER_BYTES; link !== undefined; ) {
    const { sound, failed } = scanCopies(copies, at, link);
    if (sound === undefined) {
      const why = explainDamage(copies, at, failed);
      damage = why && `section ${sections.length + 1}: ${why}`;
      break;
    }
    for (const path of short) if (!repaired.has(path)) repaired.set(path, 'its end is missing');
    short = failed.filter(({ why, size }) => why === undefined && size < sound.next).map(({ path }) => path);
    for (const { path, why = 'its frames are damaged' } of failed) {
      if (!short.includes(path) && !repaired.has(path)) repaired.set(path, why);
    }
    sections.push({ path: sound.path, from: sound.from, to: sound.to });
    ({ head, nextLink: link } = sound.commit);
    at = sound.next;
  }
  return {
    sections,
    head,
    damage: damage && new DamagedCheckpoint(copies.map(({ path }) => path).join(' and '), damage).message,
    repaired:
      sections.length === 0 ? [] : Array.from(repaired, ([path, why]) => new DamagedCheckpoint(path, why).message),
  };
}

/** A copy without the section that was looked for. `why`: undefined if the section was not finished there. */
interface FailedCopy {
  readonly path: string;
  readonly why: string | undefined;
  /** Bytes of the file. */
  readonly size: number;
}

/** Finds the section at a position in the first copy that has it undamaged. */
function scanCopies(copies: readonly Copy[], at: number, link: number) {
  const failed: FailedCopy[] = [];
  for (const { path, reader } of copies) {
    if (reader === undefined) continue;
    const scanned = scanCopy(path, reader, at, link);
    if (scanned.kind === 'section') return { sound: { path, ...scanned }, failed };
    failed.push({ path, why: scanned.kind === 'damaged' ? scanned.why : undefined, size: reader.size });
  }
  return { sound: undefined, failed };
}

function scanCopy(path: string, reader: FileReader, at: number, link: number): ScannedSection {
  try {
    return readIfThere(path, () => scanSection(reader, at, link))!;
  } catch (error) {
    if (error instanceof DamagedCheckpoint) return { kind: 'damaged', why: error.why };
    throw error;
  }
}

/** Why there is no section at a position; undefined if none was ever committed there. */
function explainDamage(
  copies: readonly Copy[],
  at: number,
  failed: readonly Pick<FailedCopy, 'why'>[],
): string | undefined {
  const found = failed.find(({ why }) => why !== undefined)?.why;
  if (found !== undefined) return found;
  for (const { path, reader, why } of copies) {
    try {
      if (reader !== undefined && readIfThere(path, () => hasCommitAfter(reader, at))) {
        return at === 0 ? why : 'its frames are damaged';
      }
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      return error.why;
    }
  }
  return undefined;
}

/**
 * Reads the newest version of each part, each once: the sections from the last to the first, without what was seen before. A piece is
 * valid until the next one is read.
 */
export function* readParts(sections: readonly SectionOnDisk[]): Generator<Buffer> {
  const seen = new PartSet();
  const readers = new Map<string, FileReader>();
  try {
    for (const { path, from, to } of sections.toReversed()) {
      const reader = readers.get(path) ?? new FileReader(path);
      readers.set(path, reader);
      reader.seek(from);
      while (reader.position < to) {
        const frame = peek(reader, path, FRAME_BYTES);
        const isContent = frame[0] === KIND.part;
        const bytes = FRAME_BYTES + frame.readUInt32LE(5);
        if (seen.add(frame.readUInt32LE(1)) && isContent) yield peek(reader, path, bytes).subarray(FRAME_BYTES);
        reader.skip(bytes);
      }
    }
  } finally {
    for (const reader of readers.values()) reader.close();
  }
}

/** The next bytes of a file that was verified before. */
function peek(reader: FileReader, path: string, bytes: number): Buffer {
  const found = reader.peek(bytes);
  if (found === undefined) throw new DamagedCheckpoint(path, 'it became shorter while it was read');
  return found;
}
