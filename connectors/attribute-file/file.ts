import { readFileSync, statSync } from 'node:fs';
import { parseAttributeFile } from '../../engine/devices/attribute-file.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import type { AttributeHandler, AttributeSource } from '../../engine/ports.ts';

export interface AttributeFileOptions {
  /** Absolute path of a `.json` or `.csv` file. */
  readonly file: string;
  /** Interval of the checks whether the file has changed. Default 1000 ms. */
  readonly pollMs?: number;
}

const POLL_MS = 1_000;

/**
 * A source that reads attributes from a file. It reads the file at once, and again when it has changed and was then unchanged between two
 * polls, because it may be written in parts. A poll costs one `stat`; file system events are not reliable for files that are replaced
 * instead of written. An unusable file is reported and changes nothing.
 */
export function createAttributeFile({ file, pollMs = POLL_MS }: AttributeFileOptions): AttributeSource {
  let timer: NodeJS.Timeout | undefined;
  let fault: string | undefined;
  let [read, seen] = ['', ''];

  const load = (handler: AttributeHandler, fingerprint: string): void => {
    // The fingerprint is taken before the file is read, so the next poll sees a change during the read.
    read = fingerprint;
    const { entries, faults } = readFile(file);
    fault = faults[0];
    if (entries === undefined) handler.faulty(faults);
    else handler.all(entries);
  };
  const poll = (handler: AttributeHandler): void => {
    const now = fingerprintOf(file);
    if (now !== read && now === seen) load(handler, now);
    seen = now;
  };
  return {
    start(handler) {
      load(handler, fingerprintOf(file));
      timer = setInterval(() => poll(handler), pollMs);
      timer.unref();
    },
    async stop() {
      clearInterval(timer);
    },
    status: () => ({ name: 'attributes file', ready: true, ...(fault !== undefined && { reason: fault }) }),
  };
}

function readFile(file: string): { entries?: ReadonlyMap<string, string>; faults: readonly string[] } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    return { faults: [`${file}: the file cannot be read: ${(error as Error).message}`] };
  }
  const { entries, problems } = parseAttributeFile(file, text);
  return { ...(entries !== undefined && { entries }), faults: problems.map(formatProblem) };
}

/** A text that changes whenever the file changes. */
function fingerprintOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    // Reading the file will report whether it is missing or not readable.
    return 'none';
  }
}
