import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Locks a data folder for this process. Returns a function that unlocks it. Throws if another process has the lock; the lock of a dead
 * process is ignored.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, 'lock');
  const own = identityOf(process.pid) ?? String(process.pid);
  for (;;) {
    try {
      writeFileSync(path, own, { flag: 'wx' });
      return () => unlinkSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = readFileSync(path, 'utf8');
    const pid = Number(holder.split(' ')[0]);
    // After a crash the file may be empty.
    if (pid > 0 && pid !== process.pid && isAlive(pid, holder)) {
      throw new Error(
        `${folder} is in use by process ${pid}. Stop that process, or configure another data folder for this one.`,
      );
    }
    unlinkSync(path);
  }
}

/** Process id and, if the system provides it, start time: process ids are reused, in containers almost always. Undefined without a start time. */
function identityOf(pid: number): string | undefined {
  const startTime = statOf(pid)?.[19];
  return startTime === undefined ? undefined : `${pid} ${startTime}`;
}

/** Fields of /proc/PID/stat of a process, from its state on; see proc(5). Undefined without /proc. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

function isAlive(pid: number, identity: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  // A zombie: it has died, but its parent has not read its exit status. The first process of a container often does not.
  if (statOf(pid)?.[0] === 'Z') return false;
  const now = identityOf(pid);
  return now === undefined || !identity.includes(' ') || now === identity;
}
