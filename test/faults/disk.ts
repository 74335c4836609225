import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether disks can be mounted here: it takes root, and in a container the right to do so. */
export function canMakeDisk(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'weir-disk-'));
  try {
    mountDisk(folder, 1_048_576);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Mounts a disk of its own, of so many bytes, which `umount` takes away again. */
export function mountDisk(folder: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
}
