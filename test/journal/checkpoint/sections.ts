import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import {
  type OpenedCheckpoints,
  openCheckpoints,
  type StoredCheckpoint,
} from '../../../engine/journal/checkpoint/open.ts';
import type { CheckpointStore } from '../../../engine/journal/checkpoint/store.ts';
import type { Disk } from '../../../engine/journal/disk.ts';

/** Changes of parts; undefined: removed. */
export type Changes = readonly (readonly [part: number, content: string | undefined])[];

const JOURNAL_ID = '0123456789abcdef';

/** The head of a section, with content that depends on the offset. */
export const headOf = (nextOffset: number) => ({
  journalId: JOURNAL_ID,
  nextOffset,
  events: { WEIR_ALERTS: { created: '2026-01-31T12:00:00Z', sequence: nextOffset } },
  heads: [Buffer.from(`head of ${nextOffset}`), Buffer.alloc(0)],
});

/** Writes a section and commits it. */
export async function writeSection(store: CheckpointStore, full: boolean, nextOffset: number, changes: Changes) {
  store.begin(full);
  for (const [part, content] of changes) {
    store.add(part, content === undefined ? undefined : Buffer.from(content));
    await store.flush();
  }
  await store.commit(headOf(nextOffset));
}

/** Opens a folder, writes sections, the first one full, and closes it. The offset of a section is its number, from 1 on. */
export async function writeRun(folder: string, sections: readonly Changes[], disk?: Disk): Promise<void> {
  const { store } = await openCheckpoints(folder, undefined, disk);
  for (const [i, changes] of sections.entries()) await writeSection(store, i === 0, i + 1, changes);
  await store.close();
}

/** What a checkpoint holds: its offset, its heads, and its parts in order of their content. */
export function contentOf(checkpoint: StoredCheckpoint | undefined) {
  if (checkpoint === undefined) return undefined;
  const pieces = Array.from(checkpoint.pieces(), (piece) => piece.toString());
  const { nextOffset } = checkpoint;
  return { nextOffset, heads: pieces.slice(0, 2), parts: pieces.slice(2).sort() };
}

/** What a checkpoint must hold after these sections, as `contentOf` returns it; undefined if there is none. */
export function expectedOf(sections: readonly Changes[], nextOffset = sections.length) {
  if (sections.length === 0) return undefined;
  const parts = new Map(sections.flat());
  const present = [...parts.values()].filter((content) => content !== undefined).sort();
  return { nextOffset, heads: [`head of ${nextOffset}`, ''], parts: present };
}

/** Opens a folder to read it only. */
export async function read(folder: string): Promise<Omit<OpenedCheckpoints, 'store'>> {
  const { store, ...found } = await openCheckpoints(folder);
  await store.close();
  return found;
}

export function flipBit(path: string, at: number): void {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, at);
  byte[0]! ^= 1 << (at % 8);
  writeSync(file, byte, 0, 1, at);
  closeSync(file);
}
