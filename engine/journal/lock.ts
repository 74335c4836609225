import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes sure that one process alone uses a data folder. Throws where another one does. Returns how to give the folder back;
 * the lock of a process that died counts for nothing.
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
    // A crash may have left the file empty.
    if (pid > 0 && pid !== process.pid && isAlive(pid, holder)) {
      throw new Error(
        `${folder} is in use by process ${pid}. Stop that one, or give this one a data folder of its own.`,
      );
    }
    unlinkSync(path);
  }
}

/** Process id and, where the system tells it, start time: process ids are used again, in containers nearly always. */
function identityOf(pid: number): string | undefined {
  const startTime = statOf(pid)?.[19];
  return startTime === undefined ? undefined : `${pid} ${startTime}`;
}

/** What /proc says of a process, from its state on; see proc(5). */
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
  // It has died, and nobody has taken notice: the first process of a container often does not.
  if (statOf(pid)?.[0] === 'Z') return false;
  const now = identityOf(pid);
  return now === undefined || !identity.includes(' ') || now === identity;
}
