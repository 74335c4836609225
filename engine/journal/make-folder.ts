import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a folder and its missing parents. Throws an Error for the operator if that fails.
 * It does not use `recursive` of Node.js, which never ends on file systems that report ENOENT for a name in an existing folder, such as /proc.
 */
export function makeFolder(path: string): void {
  try {
    make(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `The folder ${path} cannot be made (${code ?? message}). Choose a folder in which this user may write.`,
      {
        cause: error,
      },
    );
  }
}

function make(path: string): void {
  const parent = dirname(path);
  if (parent !== path && !existsSync(parent)) make(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    // Another process may have created it meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(path).isDirectory()) throw error;
  }
}
