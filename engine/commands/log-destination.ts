import { constants, openSync, write } from 'node:fs';
import { isatty } from 'node:tty';
import { count, printableLines } from '../model/printable.ts';
import type { Counters } from '../telemetry.ts';

export interface LogDestinationOptions {
  /** Where lines go: a file, a pipe, a socket or a terminal. Pipes and sockets must not block, as Node opens standard output. */
  readonly fd: number;
  readonly counters: Pick<Counters, 'log_lines_dropped'>;
  /** Bytes of lines that may wait for it. Default 1 MiB. */
  readonly bufferBytes?: number;
}

/** Writes lines of the log without ever waiting or failing: what cannot be written is dropped and counted. */
export interface LogDestination {
  /** A whole line, with its line break. */
  write(line: string): void;
  /** Resolves when everything is written or dropped, or after the given time. */
  flush(timeoutMs: number): Promise<void>;
}

const BUFFER_BYTES = 1_048_576;
/** How soon a destination that takes nothing is tried again. */
const RETRY_MS = 100;
const NEWLINE = 10;

/** Lines that could not be written since the last one that was, and why. */
interface Loss {
  lines: number;
  reason: string;
}

/**
 * Writes to a file descriptor, one write at a time. On an error (a full disk, a closed pipe) or where too much waits, lines are dropped;
 * once it works again, a line says how many.
 */
export function createLogDestination({
  fd,
  counters,
  bufferBytes = BUFFER_BYTES,
}: LogDestinationOptions): LogDestination {
  const target = reopenTerminal(fd);
  const loss: Loss = { lines: 0, reason: '' };
  const idle = new Set<() => void>();
  let waiting: string[] = [];
  let waitingBytes = 0;
  let busy = false;
  /** The last write ended within a line. */
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
    const told = loss.lines;
    const front = Buffer.from(`${torn ? '\n' : ''}${told === 0 ? '' : noticeOf(loss)}`);
    const bytes = Buffer.concat([front, Buffer.from(waiting.join(''))]);
    [waiting, waitingBytes] = [[], 0];
    writeAll(target, bytes, (written, error) => {
      busy = false;
      if (written > 0) torn = bytes[written - 1] !== NEWLINE;
      if (written >= front.length) loss.lines -= told;
      if (error !== undefined) drop(linesIn(bytes.subarray(Math.max(written, front.length))), error.message);
      // The notice goes out even if nobody logs anything more.
      if (loss.lines > 0) retry = setTimeout(pump, RETRY_MS).unref();
      if (waiting.length > 0) pump();
      if (!busy) for (const done of idle) done();
    });
  };
  return {
    write(line) {
      const text = printableLines(line);
      const bytes = Buffer.byteLength(text);
      if (waitingBytes + bytes > bufferBytes) return drop(1, 'whoever reads the log does not keep up');
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

/** Writes it all, or as much as can be written before an error; what is full for the moment is waited for. */
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

/** A terminal that is stopped (Ctrl-S) would block a thread for good, and with it the end of the process. */
function reopenTerminal(fd: number): number {
  if (!isatty(fd)) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // A terminal of somebody else, after `su`.
    return fd;
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/** A line as the logger makes them; it is counted nowhere when it is lost itself. */
function noticeOf({ lines, reason }: Loss): string {
  const msg = `${count(lines)} log lines were dropped: ${reason}`;
  return printableLines(`${JSON.stringify({ level: 40, time: new Date().toISOString(), dropped: lines, msg })}\n`);
}
