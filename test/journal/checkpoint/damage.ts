import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT_MARK } from '../../../engine/journal/checkpoint/format.ts';
import { flipBit } from './sections.ts';

export interface Damage {
  /** Default: the newest. */
  readonly generation?: number;
  /** Default: both. */
  readonly copies?: readonly ('a' | 'b')[];
}

/** Flips a bit of the newest section, in its commit record. */
export function damageNewest(folder: string, { generation, copies = ['a', 'b'] }: Damage = {}): void {
  for (const path of copiesIn(folder, generation)) {
    if (!copies.some((copy) => path.endsWith(`-${copy}.bin`))) continue;
    flipBit(path, readFileSync(path).lastIndexOf(COMMIT_MARK) + 20);
  }
}

/** The paths of both copies of the newest generation. */
export function newestCopies(folder: string): [a: string, b: string] {
  return copiesIn(folder, undefined) as [string, string];
}

function copiesIn(folder: string, generation: number | undefined): string[] {
  const names = readdirSync(folder).filter((name) => /^checkpoint-\d+-[ab]\.bin$/.test(name));
  const chosen = generation ?? Math.max(...names.map(numberOf));
  const found = names.filter((name) => numberOf(name) === chosen).sort();
  if (found.length !== 2) throw new Error(`${folder} does not have both copies of generation ${chosen}`);
  return found.map((name) => join(folder, name));
}

function numberOf(name: string): number {
  return Number(/\d+/.exec(name)![0]);
}
