import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** The two copies of a generation. */
export type Copies = readonly [a: string, b: string];

const NAME = /^checkpoint-(\d{10})-[ab]\.bin$/;

/** The paths of a generation's files. */
export function copiesOf(folder: string, generation: number): Copies {
  const path = (copy: string) => join(folder, `checkpoint-${String(generation).padStart(10, '0')}-${copy}.bin`);
  return [path('a'), path('b')];
}

/** Where the files of a generation that could not be used are kept for analysis. */
export function damagedCopiesOf(folder: string): Copies {
  return [join(folder, 'checkpoint-damaged-a.bin'), join(folder, 'checkpoint-damaged-b.bin')];
}

/** The generations of which a folder has at least one file, the newest first. */
export async function listGenerations(folder: string): Promise<number[]> {
  const found = new Set<number>();
  for (const name of await readdir(folder)) {
    const match = NAME.exec(name);
    if (match !== null) found.add(Number(match[1]));
  }
  return [...found].sort((a, b) => b - a);
}
