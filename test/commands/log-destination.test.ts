import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogDestination } from '../../engine/commands/log-destination.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { canMakeDisk, mountDisk } from '../faults/disk.ts';

const DEADLINE = { timeout: 10_000, interval: 10 };

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-log-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The file stays open: a destination may write to it at any time, and must not write to another file with the same number. */
const opened = openSync;

function logTo(fd: number, bufferBytes?: number) {
  const counters = createCounters();
  const destination = createLogDestination({ fd, counters, ...(bufferBytes !== undefined && { bufferBytes }) });
  return { counters, destination, log: pino({ base: null }, destination) };
}

/** Each line is JSON, except for one that a full disk has cut. */
function parse(text: string): { msg: string; dropped?: number }[] {
  return text.split('\n').flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []));
}

describe('the destination of the log', () => {
  test('writes lines in their order', async () => {
    const path = join(folder(), 'log');
    const { log, destination, counters } = logTo(opened(path, 'a'));
    for (let i = 0; i < 1_000; i++) log.info(`line ${i}`);
    await destination.flush(10_000);
    expect(parse(readFileSync(path, 'utf8')).map(({ msg }) => msg)).toEqual(
      Array.from({ length: 1_000 }, (_, i) => `line ${i}`),
    );
    expect(counters.log_lines_dropped).toBe(0);
  });

  test('escapes control characters', async () => {
    const path = join(folder(), 'log');
    const { log, destination } = logTo(opened(path, 'a'));
    log.warn({ topic: 'a\u001b\u009b\u007f\u202e\u2028b' }, 'x');
    await destination.flush(10_000);
    const text = readFileSync(path, 'utf8');
    expect(text).toContain('"topic":"a\\u001b\\u009b\\u007f\\u202e\\u2028b"');
    expect(JSON.parse(text)).toMatchObject({ topic: 'a\u001b\u009b\u007f\u202e\u2028b' });
  });

  test('drops and counts lines that a full device does not accept', async () => {
    const { log, destination, counters } = logTo(opened('/dev/full', 'w'));
    for (let i = 0; i < 100; i++) log.info(`line ${i}`);
    await destination.flush(10_000);
    await vi.waitFor(() => expect(counters.log_lines_dropped).toBe(100), DEADLINE);
  });

  test.skipIf(!canMakeDisk())('continues once there is room, and reports how many lines are missing', async () => {
    const dir = folder();
    mountDisk(dir, 65_536);
    onTestFinished(() => void execFileSync('umount', [dir]));
    const path = join(dir, 'log');
    const ballast = join(dir, 'ballast');
    const fd = opened(path, 'a');
    try {
      const { log, destination, counters } = logTo(fd);
      execFileSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096', 'count=8'], { stdio: 'ignore' });
      // They are one write, which fits only in part.
      for (let i = 0; i < 1_000; i++) log.info(`line ${i}`);
      await vi.waitFor(() => expect(counters.log_lines_dropped).toBeGreaterThan(0), DEADLINE);
      await destination.flush(10_000);
      const dropped = counters.log_lines_dropped;
      rmSync(ballast);
      await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toContain('"dropped":'), DEADLINE);
      log.info('after');
      await destination.flush(10_000);
      const lines = parse(readFileSync(path, 'utf8'));
      const [notice, after] = lines.slice(-2);
      expect(notice).toMatchObject({ level: 40, dropped, msg: expect.stringContaining('ENOSPC') });
      expect(after).toMatchObject({ msg: 'after' });
      expect(lines.length - 2 + dropped).toBe(1_000);
      expect(counters.log_lines_dropped).toBe(dropped);
    } finally {
      closeSync(fd);
    }
  });

  test('keeps only a limited number of lines while nobody reads, and reports the missing ones', async () => {
    const path = join(folder(), 'pipe');
    execFileSync('mkfifo', [path]);
    const fd = opened(path, constants.O_RDWR | constants.O_NONBLOCK);
    const { log, destination, counters } = logTo(fd, 10_000);
    for (let i = 0; i < 5_000; i++) {
      log.info(`line ${i}`);
      if (i % 500 === 0) await destination.flush(1);
    }
    expect(counters.log_lines_dropped).toBeGreaterThan(1_000);
    let text = '';
    const buffer = Buffer.alloc(65_536);
    await vi.waitFor(() => {
      try {
        text += buffer.toString('utf8', 0, readSync(fd, buffer));
      } catch (error) {
        expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
      }
      const reported = parse(text).reduce((sum, { dropped = 0 }) => sum + dropped, 0);
      expect(reported).toBe(counters.log_lines_dropped);
      expect(parse(text).filter(({ dropped }) => dropped === undefined).length + reported).toBe(5_000);
    }, DEADLINE);
  });
});
