import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMIT_MARK } from '../../../engine/journal/checkpoint/format.ts';
import { flipBit } from './sections.ts';

export interface Damage {
  /** Default: the newest. */
  readonly generation?: number;
  /** Default: both. */
  readonly copies?: readonly ('a' | 'b')[];
  /** How many sections come after the damaged one. Default 0. */
  readonly before?: number;
}

/** Flips a bit of a section, in its commit record. Default: of the newest one, in both copies. */
export function damageSection(folder: string, { generation, copies = ['a', 'b'], before = 0 }: Damage = {}): void {
  for (const path of copiesIn(folder, generation)) {
    if (!copies.some((copy) => path.endsWith(`-${copy}.bin`))) continue;
    const bytes = readFileSync(path);
    let at = bytes.lastIndexOf(COMMIT_MARK);
    for (let i = 0; i < before; i++) at = bytes.lastIndexOf(COMMIT_MARK, at - 1);
    flipBit(path, at + 20);
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
