import type { ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { fileURLToPath, pathToFileURL } from 'node:url';

const STDERR_TAIL_CHARS = 2_000;

/** A script beside the module of `from` (its `import.meta.url`), and what Node needs to run it: compiled as it is, TypeScript through tsx. */
export function scriptBeside(name: string, from: string): { readonly execArgv: string[]; readonly path: string } {
  const isTypeScript = from.endsWith('.ts');
  const path = fileURLToPath(new URL(`./${name}.${isTypeScript ? 'ts' : 'js'}`, from));
  const loader = () => pathToFileURL(createRequire(from).resolve('tsx')).href;
  return { execArgv: isTypeScript ? ['--import', loader()] : [], path };
}

/** Resolves with the end of the child's stderr, or with how it ended where it wrote nothing. Never rejects. */
export function untilExit(child: ChildProcess): Promise<string> {
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_TAIL_CHARS);
  });
  return new Promise((done) => {
    child.once('error', (error) => done(`${tail}${error.message}`));
    child.once('close', (code, signal) => done(tail.trim() || `it ended with ${signal ?? `code ${code}`}`));
  });
}

/** Waits for a child that has been asked to end, and uses force after a while. */
export async function endWithin<T>(deadlineMs: number, exited: Promise<T>, force: () => void): Promise<T> {
  const timer = setTimeout(force, deadlineMs);
  const outcome = await exited;
  clearTimeout(timer);
  return outcome;
}

/**
 * Kills a child, by `kill`, when this process ends before it: by a second Ctrl-C, say. What a child writes is safe from that, as it is from
 * a crash. Not where this process is itself killed; children find that out by their stdin.
 */
export function endWithUs(child: ChildProcess, kill: () => void): void {
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
}

/** A port of 127.0.0.1 that nobody listens on at the moment. */
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
