import { type Disk, type DiskFile, realDisk } from '../../../engine/journal/disk.ts';

export type DiskCall = keyof DiskFile | keyof Disk;

/** Decides about a call of a disk, and about the calls after it if it is asked again: it takes place, fails, or fails after half of its bytes are written. */
export type Decide = (call: DiskCall, path: string) => 'go' | 'fail' | 'tear';

const diskError = (code: string) => Object.assign(new Error(`${code}: from the test`), { code });

/** The disk of this machine, with calls that fail with an error of this code. Closing a file never fails. */
export function failingDisk(decide: Decide, code = 'EIO'): Disk {
  const ask = (call: DiskCall, path: string) => {
    if (decide(call, path) !== 'go') throw diskError(code);
  };
  return {
    rename: async (from, to) => {
      ask('rename', to);
      await realDisk.rename(from, to);
    },
    unlink: async (path) => {
      ask('unlink', path);
      await realDisk.unlink(path);
    },
    open: async (path, ...how) => {
      ask('open', path);
      const file = await realDisk.open(path, ...how);
      const then = async <T>(call: DiskCall, run: () => Promise<T>): Promise<T> => {
        ask(call, path);
        return run();
      };
      return {
        write: async (bytes, offset = 0, length = bytes.length - offset) => {
          const decision = decide('write', path);
          if (decision === 'go') return file.write(bytes, offset, length);
          if (decision === 'tear') await file.write(bytes, offset, Math.floor(length / 2));
          throw diskError(code);
        },
        writeFile: (data) => then('writeFile', () => file.writeFile(data)),
        appendFile: (text) => then('appendFile', () => file.appendFile(text)),
        truncate: (length) => then('truncate', () => file.truncate(length)),
        datasync: () => then('datasync', () => file.datasync()),
        sync: () => then('sync', () => file.sync()),
        close: () => file.close(),
      };
    },
  };
}
