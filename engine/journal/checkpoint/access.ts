/** Thrown if a checkpoint was damaged after it was written. */
export class DamagedCheckpoint extends Error {
  readonly why: string;

  constructor(path: string, why: string) {
    super(`${path} cannot be read: ${why}`);
    this.why = why;
  }
}

/**
 * Reads a file of a checkpoint; undefined if it does not exist. Throws `DamagedCheckpoint` if the disk cannot read it, and an Error for the
 * operator if access is denied: that is not damage, and a start without the file would lose state.
 */
export function readIfThere<T>(path: string, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new Error(
        `${path} may not be read (${message}). Give the user that Weir runs as permission to read and write it.`,
      );
    }
    if (code === 'EIO') throw new DamagedCheckpoint(path, message);
    throw error;
  }
}

/** The error for a file that a newer version of Weir wrote. `readable`: the versions that this one reads. */
export function newerVersion(path: string, version: number, readable: string): Error {
  return new Error(
    `${path} has version ${version}; this version of Weir reads ${readable}. Start the version of Weir that wrote it.`,
  );
}
