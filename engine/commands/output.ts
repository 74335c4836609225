import { Writable } from 'node:stream';
import { printableLines } from '../model/printable.ts';

/**
 * Creates the stream for standard output or error of a command. It writes control characters as escapes, so that no text from outside controls a
 * terminal. It never fails: the first error calls `onBroken` once, and all later output is discarded.
 */
export function createOutput(
  stream: NodeJS.WritableStream,
  onBroken: (error: NodeJS.ErrnoException) => void,
): Writable {
  let broken = false;
  // `write` reports the same error to its callback, before or after this event. The callback ignores it.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (!broken) onBroken(error);
    broken = true;
  });
  const pass = (text: string, done: () => void) => {
    if (broken) done();
    else stream.write(printableLines(text), () => done());
  };
  return new Writable({
    decodeStrings: false,
    write: (chunk: string | Buffer, _encoding, done) => pass(String(chunk), done),
    writev: (chunks, done) => pass(chunks.map(({ chunk }) => String(chunk)).join(''), done),
  });
}
