import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';

const STDERR_TAIL_CHARS = 2_000;

/** The path of a script beside the module `from` (its `import.meta.url`), and Node's arguments to run it: TypeScript is run with tsx. */
export function scriptBeside(name: string, from: string): { readonly execArgv: string[]; readonly path: string } {
  const isTypeScript = from.endsWith('.ts');
  const path = fileURLToPath(new URL(`./${name}.${isTypeScript ? 'ts' : 'js'}`, from));
  const loader = () => pathToFileURL(createRequire(from).resolve('tsx')).href;
  return { execArgv: isTypeScript ? ['--import', loader()] : [], path };
}

/** Resolves when the child has exited, with the end of its stderr, or with its exit code or signal if it wrote nothing. Never rejects. */
export function untilExit(child: ChildProcess): Promise<string> {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_TAIL_CHARS);
  });
  return new Promise((done) => {
    child.once('error', (error) => done(`${tail}${error.message}`));
    child.once('close', (code, signal) => done(tail.trim() || `it exited with ${signal ?? `code ${code}`}`));
  });
}

/** Waits for a child that has been asked to stop, and calls `force` after the deadline. */
export async function endWithin<T>(deadlineMs: number, exited: Promise<T>, force: () => void): Promise<T> {
  const timer = setTimeout(force, deadlineMs);
  const outcome = await exited;
  clearTimeout(timer);
  return outcome;
}

/**
 * Calls `kill` when this process exits before the child, for example at a second Ctrl-C. The child's data survive that as they survive a
 * crash. If this process is killed itself, `kill` is not called; children detect that when their stdin closes.
 */
export function killOnExit(child: ChildProcess, kill: () => void): void {
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
}

/** Returns a port of 127.0.0.1 that is free at the moment. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? done(address.port) : fail(new Error('no port')),
      );
    });
  });
}
