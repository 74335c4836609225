/**
 * The process between us and an embedded server: `supervise PROGRAM ARGUMENTS…`. Writes the server's process id as a line to
 * stdout, lends it its stderr, and ends it when stdin closes, which happens even when our own process is killed: a child alone would live on.
 * Ends with the server's exit code.
 */
import { spawn } from 'node:child_process';

const PATIENCE_MS = 5_000;

const [program, ...rest] = process.argv.slice(2);
if (program === undefined) throw new Error('supervise wants a program as its first argument');

const server = spawn(program, rest, { stdio: ['ignore', 'ignore', 'inherit'] });

server.once('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
server.once('spawn', () => process.stdout.write(`${server.pid}\n`));
server.once('exit', (code) => process.exit(code ?? 1));

let ending = false;
function end(): void {
  if (ending) return;
  ending = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), PATIENCE_MS);
}

// Nobody may be left to read the process id.
process.stdout.on('error', end);
process.stdin.on('end', end).on('error', end).resume();
process.on('SIGTERM', end).on('SIGINT', end);
