import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this user can mount disks: it needs root, and in a container the capability. */
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

/** Mounts a separate disk of this size. `umount` removes it. */
export function mountDisk(folder: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
}
