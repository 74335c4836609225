import { constants } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Disk, type DiskFile, DURABLE, realDisk } from '../../engine/journal/disk.ts';
import { openSentLog } from '../../engine/journal/sent-log.ts';
import { append, makeFolder, message, open, readAll } from './folder.ts';

type Call = keyof DiskFile | keyof Disk;

/** A disk that calls `step` before each of its calls; the call fails if `step` rejects. */
function diskWith(step: (call: Call) => Promise<void> | void): Disk {
  const before = async <T>(call: Call, run: () => Promise<T>): Promise<T> => {
    await step(call);
    return run();
  };
  return {
    rename: (from, to) => before('rename', () => realDisk.rename(from, to)),
    unlink: (path) => before('unlink', () => realDisk.unlink(path)),
    open: (path, ...how) =>
      before('open', async () => {
        const file = await realDisk.open(path, ...how);
        return {
          write: (...bytes) => before('write', () => file.write(...bytes)),
          writeFile: (data) => before('writeFile', () => file.writeFile(data)),
          appendFile: (text) => before('appendFile', () => file.appendFile(text)),
          truncate: (length) => before('truncate', () => file.truncate(length)),
          datasync: () => before('datasync', () => file.datasync()),
          sync: () => before('sync', () => file.sync()),
          close: () => file.close(),
        };
      }),
  };
}

const diskError = () => Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });

describe('the journal', () => {
  it('acknowledges and commits what is on the disk, not before', async () => {
    const calls: string[] = [];
    let sync: () => void = () => undefined;
    const synced = new Promise<void>((resolve) => (sync = resolve));
    let reach: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (reach = resolve));
    const disk = diskWith((call) => {
      if (call !== 'write') return undefined;
      reach();
      return synced;
    });
    const journal = await open(makeFolder(), { disk });
    journal.commitTo(() => calls.push('committed'));
    journal.append([message('a')], () => calls.push('acknowledged'));
    await reached;
    expect(calls).toEqual([]);
    sync();
    await journal.close();
    expect(calls).toEqual(['acknowledged', 'committed']);
  });

  it('acknowledges and commits nothing of a group that the disk refuses, or of a later one', async () => {
    const calls: string[] = [];
    let fail: (error: Error) => void;
    const failed = new Promise<Error>((resolve) => (fail = resolve));
    const disk = diskWith((call) => (call === 'write' ? Promise.reject(diskError()) : undefined));
    const journal = await open(makeFolder(), { disk, onFailure: (error) => fail(error) });
    journal.commitTo(() => calls.push('committed'));
    journal.append([message('a')], () => calls.push('acknowledged'));
    expect((await failed).message).toContain('EIO');
    journal.append([message('b')], () => calls.push('acknowledged'));
    await journal.close();
    expect(calls).toEqual([]);
  });

  it('writes only to files that are durable with each write', async () => {
    const folder = makeFolder();
    const flags: (string | number)[] = [];
    const disk: Disk = {
      ...realDisk,
      open: (path, how) => {
        flags.push(how);
        return realDisk.open(path, how);
      },
    };
    for (let i = 0; i < 2; i++) {
      const journal = await open(folder, { disk });
      await append(journal, [message('a')]);
      await journal.close();
    }
    expect(flags).toEqual([DURABLE.create, DURABLE.append]);
    for (const each of flags) expect(Number(each) & constants.O_DSYNC).toBe(constants.O_DSYNC);
  });

  it('writes the rest if a write accepts only some of the bytes', async () => {
    const folder = makeFolder();
    const disk: Disk = {
      ...realDisk,
      open: async (path, ...how) => {
        const file = await realDisk.open(path, ...how);
        const write = file.write.bind(file);
        const writeSome: DiskFile['write'] = (bytes, offset, length) =>
          write(bytes, offset, length && Math.min(length, 7));
        return Object.assign(file, { write: writeSome });
      },
    };
    const journal = await open(folder, { disk });
    await append(journal, [message('first'), message('second')]);
    await journal.close();
    const again = await open(folder);
    expect((await readAll(again)).map(({ offset }) => offset)).toEqual([0, 1]);
    expect(again.tornBytes).toBe(0);
    await again.close();
  });
});

describe('the log of inserts', () => {
  it('rejects a write that is not durable, and accepts the next', async () => {
    const folder = makeFolder();
    let isBroken = false;
    const disk = diskWith((call) => (isBroken && call === 'datasync' ? Promise.reject(diskError()) : undefined));
    const range = (token: string) => ({ table: 't', from: 0, to: 9, rows: 2, distances: '', prints: '', token });
    const log = await openSentLog(folder, 'j', disk);
    isBroken = true;
    await expect(log.write([range('a')])).rejects.toThrow('EIO');
    isBroken = false;
    await log.write([range('b')]);
    await log.close();
    const next = await openSentLog(folder, 'j');
    expect(next.earlier.map(({ token }) => token)).toContain('b');
    await next.close();
  });
});
