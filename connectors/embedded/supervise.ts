/**
 * A process between us and an embedded server: `supervise PROGRAM ARGUMENTS…`. It writes the server's process id as a line to stdout,
 * shares its stderr, and stops the server when stdin closes. That also happens when our own process is killed; without a supervisor the
 * server would keep running. It exits with the server's exit code.
 */
import { spawn } from 'node:child_process';

const KILL_AFTER_MS = 5_000;

const [program, ...rest] = process.argv.slice(2);
if (program === undefined) throw new Error('supervise: the first argument must be a program');

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
  setTimeout(() => server.kill('SIGKILL'), KILL_AFTER_MS);
}

// If our process is gone, writing the process id fails.
process.stdout.on('error', end);
process.stdin.on('end', end).on('error', end).resume();
process.on('SIGTERM', end).on('SIGINT', end);
