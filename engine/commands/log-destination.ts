import { constants, openSync, write } from 'node:fs';
import { isatty } from 'node:tty';
import { count, printableLines } from '../model/printable.ts';
import type { Counters } from '../telemetry.ts';

export interface LogDestinationOptions {
  /** File descriptor of a file, a pipe, a socket or a terminal. Pipes and sockets must be non-blocking, as standard output of Node.js is. */
  readonly fd: number;
  readonly counters: Pick<Counters, 'log_lines_dropped'>;
  /** Most bytes of lines that wait. Default 1 MiB. */
  readonly bufferBytes?: number;
}

/** Writes log lines without waiting or failing: lines that cannot be written are dropped and counted. */
export interface LogDestination {
  /** Writes a whole line with its line break. */
  write(line: string): void;
  /** Resolves when all lines are written or dropped, or after the given time. */
  flush(timeoutMs: number): Promise<void>;
}

const BUFFER_BYTES = 1_048_576;
/** Milliseconds between attempts to write. */
const RETRY_MS = 100;
const NEWLINE = 10;

/** Lines that were dropped since the last successful write, and the reason. */
interface DroppedLines {
  lines: number;
  reason: string;
}

/**
 * Creates a destination for a file descriptor, with one write at a time. After an error (a full disk, a closed pipe), or if too many lines wait,
 * lines are dropped. When writing works again, a log line reports how many.
 */
export function createLogDestination({
  fd,
  counters,
  bufferBytes = BUFFER_BYTES,
}: LogDestinationOptions): LogDestination {
  const target = reopenTerminal(fd);
  const loss: DroppedLines = { lines: 0, reason: '' };
  const idle = new Set<() => void>();
  let waiting: string[] = [];
  let waitingBytes = 0;
  let busy = false;
  /** Whether the last write ended within a line. */
  let torn = false;
  let retry: NodeJS.Timeout | undefined;

  const drop = (lines: number, reason: string) => {
    counters.log_lines_dropped += lines;
    loss.lines += lines;
    loss.reason = reason;
  };
  const pump = () => {
    if (busy || waiting.length + loss.lines === 0) return;
    busy = true;
    clearTimeout(retry);
    const reported = loss.lines;
    const front = Buffer.from(`${torn ? '\n' : ''}${reported === 0 ? '' : noticeOf(loss)}`);
    const bytes = Buffer.concat([front, Buffer.from(waiting.join(''))]);
    [waiting, waitingBytes] = [[], 0];
    writeAll(target, bytes, (written, error) => {
      busy = false;
      if (written > 0) torn = bytes[written - 1] !== NEWLINE;
      if (written >= front.length) loss.lines -= reported;
      if (error !== undefined) drop(linesIn(bytes.subarray(Math.max(written, front.length))), error.message);
      // The notice is written even if no other line follows.
      if (loss.lines > 0) retry = setTimeout(pump, RETRY_MS).unref();
      if (waiting.length > 0) pump();
      if (!busy) for (const done of idle) done();
    });
  };
  return {
    write(line) {
      const text = printableLines(line);
      const bytes = Buffer.byteLength(text);
      if (waitingBytes + bytes > bufferBytes) return drop(1, 'the reader of the log is too slow');
      waiting.push(text);
      waitingBytes += bytes;
      pump();
    },
    flush: (timeoutMs) => (busy ? untilIdle(idle, timeoutMs) : Promise.resolve()),
  };
}

function untilIdle(idle: Set<() => void>, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      idle.delete(done);
      resolve();
    };
    const timer = setTimeout(done, timeoutMs);
    idle.add(done);
  });
}

/** Writes all bytes, or as many as possible before an error. It waits while a pipe or socket is full. */
function writeAll(fd: number, bytes: Buffer, done: (written: number, error?: Error) => void): void {
  const next = (at: number) => {
    write(fd, bytes, at, bytes.length - at, null, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => next(at), RETRY_MS);
      else if (error !== null) done(at, error);
      else if (at + written < bytes.length) next(at + written);
      else done(bytes.length);
    });
  };
  next(0);
}

/** Opens a terminal again, non-blocking: a stopped terminal (Ctrl-S) would block a thread, and the process could not end. */
function reopenTerminal(fd: number): number {
  if (!isatty(fd)) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // The terminal belongs to another user, for example after `su`.
    return fd;
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** The log line that reports dropped lines. It is not counted if it is dropped itself. */
function noticeOf({ lines, reason }: DroppedLines): string {
  const msg = `${count(lines)} log lines were dropped: ${reason}`;
  return printableLines(`${JSON.stringify({ level: 40, time: new Date().toISOString(), dropped: lines, msg })}\n`);
}
