import { readFileSync, statSync } from 'node:fs';
import { parseAttributeFile } from '../../engine/devices/attribute-file.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import type { AttributeHandler, AttributeSource } from '../../engine/ports.ts';

export interface AttributeFileOptions {
  /** Absolute path of a `.json` or `.csv` file. */
  readonly file: string;
  /** How often to look whether the file has changed. Default 1000 ms. */
  readonly pollMs?: number;
}

const POLL_MS = 1_000;

/**
 * A file of attributes. It is read at once, and again when it has changed and then stood still between two looks, since it may be written
 * bit by bit. Looking costs a `stat`; to be told of changes is no good where files are replaced, not written. What cannot be used is
 * told, and changes nothing.
 */
export function createAttributeFile({ file, pollMs = POLL_MS }: AttributeFileOptions): AttributeSource {
  let timer: NodeJS.Timeout | undefined;
  let fault: string | undefined;
  let [read, seen] = ['', ''];

  const load = (handler: AttributeHandler, print: string): void => {
    // Taken before the file is read: what changes meanwhile is seen by the next look.
    read = print;
    const { entries, faults } = readFile(file);
    fault = faults[0];
    if (entries === undefined) handler.faulty(faults);
    else handler.all(entries);
  };
  const look = (handler: AttributeHandler): void => {
    const now = printOf(file);
    if (now !== read && now === seen) load(handler, now);
    seen = now;
  };
  return {
    start(handler) {
      load(handler, printOf(file));
      timer = setInterval(() => look(handler), pollMs);
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

/** Changes with every way of changing the file. */
function printOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch {
    // Whether it is gone or forbidden, reading it tells.
    return 'none';
  }
}
