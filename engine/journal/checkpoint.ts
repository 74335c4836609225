import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';

/** The fold's state behind a record of the journal. */
export interface Checkpoint {
  readonly version: 1;
  readonly journalId: string;
  /** First offset that is not in the state: where to fold on. */
  readonly nextOffset: number;
  /** A snapshot, as JSON. */
  readonly state: string;
}

const NAME = 'checkpoint.json';

/** Writes aside, syncs, renames and syncs the folder: a crash leaves the old checkpoint or the new one, never half of one. */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint): Promise<void> {
  const aside = join(folder, `${NAME}.new`);
  const file = await open(aside, 'w');
  try {
    await file.writeFile(JSON.stringify(checkpoint));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(aside, join(folder, NAME));
  const parent = await open(folder, 'r');
  await parent.sync();
  await parent.close();
}

/** Undefined where there is none. Throws where one stands there that cannot be read. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const path = join(folder, NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const checkpoint = parse(text, path);
  if (checkpoint.version !== 1) {
    throw new Error(
      `${path} has version ${checkpoint.version}, this Weir reads version 1. Start the Weir that wrote it.`,
    );
  }
  return checkpoint;
}

function parse(text: string, path: string): Checkpoint {
  try {
    return JSON.parse(text) as Checkpoint;
  } catch (error) {
    throw new Error(
      `${path} cannot be read: ${(error as Error).message}. Restore it, or move it aside to begin with what the journal holds.`,
    );
  }
}
