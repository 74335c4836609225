import { open } from 'node:fs/promises';

/** Makes the names in a folder as durable as what they stand for: to sync a file is not enough. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
