import { open } from 'node:fs/promises';

/** Makes the names in a folder durable: syncing a file does not make its name durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
