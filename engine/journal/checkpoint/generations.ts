import type { Disk } from '../disk.ts';
import { syncFolder } from '../sync-folder.ts';
import { ifThere, replaceJson } from './json.ts';
import { copiesOf, damagedCopiesOf } from './names.ts';

/** The generation number of the files that older versions of Weir wrote. */
export const JSON_GENERATION = 0;

/** What is known of a generation of an earlier run. */
export interface KnownGeneration {
  readonly number: number;
  /**
   * `uncommitted`: a crash left it without a committed section. `unusable`: damage, or it belongs to another journal; its files are kept for
   * analysis.
   */
  readonly kind: 'usable' | 'uncommitted' | 'unusable';
}

/** The generations that have files in the data folder. Methods reject if the disk fails; the next call then tries again. */
export interface Generations {
  /** The number for a new generation. It counts as uncommitted. */
  next(): number;
  committed(number: number): void;
  /** Deletes the files of generations without a committed section. */
  removeUncommitted(): Promise<void>;
  /** Deletes the files of all other generations; renames those of unusable ones to `checkpoint-damaged-…`, over older ones. */
  keepOnly(numbers: readonly number[]): Promise<void>;
}

/** Keeps the list of generations. `known`: those of earlier runs. */
export function createGenerations(folder: string, disk: Disk, known: readonly KnownGeneration[]): Generations {
  const kinds = new Map<number, KnownGeneration['kind']>();
  for (const { number, kind } of known.toSorted((a, b) => a.number - b.number)) kinds.set(number, kind);
  let newest = Math.max(JSON_GENERATION, ...kinds.keys());

  const remove = async (number: number): Promise<void> => {
    const isUnusable = kinds.get(number) === 'unusable';
    if (number === JSON_GENERATION) await replaceJson(folder, disk, isUnusable);
    else {
      const kept = damagedCopiesOf(folder);
      for (const [i, path] of copiesOf(folder, number).entries()) {
        await ifThere(isUnusable ? disk.rename(path, kept[i]!) : disk.unlink(path));
      }
    }
    kinds.delete(number);
  };
  const removeAll = async (numbers: readonly number[]): Promise<void> => {
    for (const number of numbers) await remove(number);
    if (numbers.length > 0) await syncFolder(folder);
  };
  const those = (isWanted: (number: number) => boolean) => [...kinds.keys()].filter(isWanted);

  return {
    next() {
      kinds.set(++newest, 'uncommitted');
      return newest;
    },
    committed: (number) => void kinds.set(number, 'usable'),
    removeUncommitted: () => removeAll(those((number) => kinds.get(number) === 'uncommitted')),
    keepOnly: (numbers) => removeAll(those((number) => !numbers.includes(number))),
  };
}
