import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { lockFolder } from '../../engine/journal/lock.ts';
import { makeFolder } from './folder.ts';

const HOLDER = fileURLToPath(new URL('hold-lock.ts', import.meta.url));

describe('the lock of a folder', () => {
  it('is not held by a zombie, a dead process whose parent does not wait for it', async () => {
    const folder = makeFolder();
    // The shell never waits for its child, so the child becomes a zombie when it ends.
    const shell = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [said] = await once(shell.stdout, 'data');
      const pid = Number(String(said));
      const stat = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
      await vi.waitFor(() => expect(stat()[2]).toBe('Z'), { timeout: 10_000, interval: 10 });
      writeFileSync(join(folder, 'lock'), `${pid} ${stat()[21]}`);
      lockFolder(folder)();
    } finally {
      shell.kill('SIGKILL');
      await once(shell, 'exit');
    }
  });

  it('rejects a second process while the first one lives', async () => {
    const folder = makeFolder();
    const child = spawn(process.execPath, ['--import', 'tsx', HOLDER, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
      expect(String(said)).toBe('locked\n');
      expect(() => lockFolder(folder)).toThrow(`${folder} is in use by process ${child.pid}.`);
      expect(() => lockFolder(folder)).toThrow('configure another data folder for this one');
    } finally {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
    expect(existsSync(join(folder, 'lock'))).toBe(true);
    const unlock = lockFolder(folder);
    expect(readFileSync(join(folder, 'lock'), 'utf8')).toMatch(new RegExp(`^${process.pid}\\b`));
    unlock();
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  }, 20_000);

  it.each([
    ['has a process id that another process has now', `${process.ppid} 1`],
    ['was left empty by a crash', ''],
    ['has no process id', 'rubbish'],
    ['has this process id with another start time', `${process.pid} 1`],
  ])('is ignored if it %s', (_, holder) => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'lock'), holder);
    lockFolder(folder)();
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it('is held if the start time of its process is unknown', () => {
    const folder = makeFolder();
    writeFileSync(join(folder, 'lock'), String(process.ppid));
    expect(() => lockFolder(folder)).toThrow(`in use by process ${process.ppid}`);
  });
});
