import { Writable } from 'node:stream';
import { printableLines } from '../model/printable.ts';

/**
 * What commands write to standard output and error: everything passes `printableLines`, so that no text from outside steers a
 * terminal. Never fails: at the first error `onBroken` is called, once, and from then on everything is thrown away.
 */
export function createOutput(
  stream: NodeJS.WritableStream,
  onBroken: (error: NodeJS.ErrnoException) => void,
): Writable {
  let broken = false;
  // The stream calls back with the same error, before or after; nobody may wait for it.
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
