import { type Disk, realDisk } from '../disk.ts';
import { DamagedCheckpoint } from './access.ts';
import { readChain, readParts } from './chain.ts';
import type { CheckpointHead } from './format.ts';
import { createGenerations, JSON_GENERATION, type KnownGeneration } from './generations.ts';
import { jsonPaths, readJsonCheckpoint } from './json.ts';
import { copiesOf, listGenerations } from './names.ts';
import { type CheckpointStore, createStore } from './store.ts';

/** A checkpoint on the disk with a correct checksum. */
export interface StoredCheckpoint extends Omit<CheckpointHead, 'heads'> {
  /** `json`: an older version of Weir wrote it. */
  readonly format: 'parts' | 'json';
  /**
   * Reads the state piece by piece, synchronously, so that it is never in memory as a whole: first the heads, then the newest version of
   * each part, in no order; of `json`, the lines. A piece is valid until the next one is read.
   */
  pieces(): Generator<Buffer>;
}

/** The checkpoints of a data folder. */
export interface OpenedCheckpoints {
  readonly store: CheckpointStore;
  /** The newest usable checkpoint; undefined if there is none. Read its pieces before the second `commit` of the store. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** Why each newer one cannot be read. */
  readonly unreadable: readonly string[];
  /** Damage in one of two copies. Nothing is lost, but the disk should be checked. */
  readonly repaired: readonly string[];
}

interface Search {
  readonly folder: string;
  readonly fits: (checkpoint: StoredCheckpoint) => boolean;
  readonly known: KnownGeneration[];
  readonly unreadable: string[];
  readonly repaired: string[];
}

interface Found {
  readonly checkpoint: StoredCheckpoint;
  readonly generation: number;
}

/**
 * Finds the newest readable checkpoint of a folder for which `fits` is true, and opens the store. It changes no file. Rejects if the
 * operating system denies access, or if a newer version of Weir wrote a checkpoint: neither is damage, and a start without that
 * checkpoint would lose state.
 */
export async function openCheckpoints(
  folder: string,
  fits: (checkpoint: StoredCheckpoint) => boolean = () => true,
  disk: Disk = realDisk,
): Promise<OpenedCheckpoints> {
  const search: Search = { folder, fits, known: [], unreadable: [], repaired: [] };
  const found = findInGenerations(search, await listGenerations(folder)) ?? (await findInJson(search));
  const { known, unreadable, repaired } = search;
  const restored = found && { nextOffset: found.checkpoint.nextOffset, generation: found.generation };
  const generations = createGenerations(folder, disk, [{ number: JSON_GENERATION, kind: 'usable' }, ...known]);
  const store = createStore({ folder, disk, generations, restored });
  return { store, checkpoint: found?.checkpoint, unreadable, repaired };
}

/** Reads generations, the newest first, until one can be used. */
function findInGenerations(search: Search, numbers: readonly number[]): Found | undefined {
  const { folder, known, fits, unreadable, repaired } = search;
  let found: Found | undefined;
  for (const number of numbers) {
    if (found !== undefined) {
      known.push({ number, kind: 'usable' });
      continue;
    }
    const { sections, head, damage, repaired: inOneCopy } = readChain(copiesOf(folder, number), number);
    if (damage !== undefined) unreadable.push(damage);
    repaired.push(...inOneCopy);
    if (head !== undefined) {
      const { heads, ...details } = head;
      const checkpoint: StoredCheckpoint = {
        ...details,
        format: 'parts',
        *pieces() {
          yield* heads;
          yield* readParts(sections);
        },
      };
      if (fits(checkpoint)) found = { checkpoint, generation: number };
    }
    const isUnusable = damage !== undefined || (head !== undefined && found === undefined);
    known.push({ number, kind: isUnusable ? 'unusable' : found === undefined ? 'uncommitted' : 'usable' });
  }
  return found;
}

async function findInJson({ folder, known, fits, unreadable }: Search): Promise<Found | undefined> {
  let isUnusable = false;
  for (const path of jsonPaths(folder)) {
    try {
      const stored = await readJsonCheckpoint(path);
      if (stored === undefined) continue;
      if (stored === 'replaced') {
        if (known.length === 0)
          throw new DamagedCheckpoint(path, 'the files checkpoint-*.bin that replaced it are missing');
        continue;
      }
      const { lines, ...details } = stored;
      const checkpoint: StoredCheckpoint = { ...details, format: 'json', pieces: lines };
      if (fits(checkpoint)) {
        known.push({ number: JSON_GENERATION, kind: isUnusable ? 'unusable' : 'usable' });
        return { checkpoint, generation: JSON_GENERATION };
      }
      isUnusable = true;
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      unreadable.push(error.message);
      isUnusable = true;
    }
  }
  known.push({ number: JSON_GENERATION, kind: isUnusable ? 'unusable' : 'usable' });
  return undefined;
}
