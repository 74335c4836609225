import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder, and those that it lies in, where they are not there yet. Throws an Error for the operator where that cannot be.
 * Not by the `recursive` of Node: that tries for ever where a file system says ENOENT to a name in a folder that is there, as /proc does.
 */
export function makeFolder(path: string): void {
  try {
    make(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(`The folder ${path} cannot be made (${code ?? message}). Choose one where this user may write.`, {
      cause: error,
    });
  }
}

function make(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) make(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Somebody may have made it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
