/**
 * Loaded into the engine's process ahead of it (`node --import leash cli run`): ends the engine when stdin closes, which happens even
 * when the process at the other end was killed. The engine itself, as a service, has no business with stdin.
 */

/** More than a clean stop takes. */
const PATIENCE_MS = 12_000;

function end(): void {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.exit(1), PATIENCE_MS).unref();
}

process.stdin.once('end', end).once('error', end).resume();
// Listening alone is no reason to live on.
(process.stdin as typeof process.stdin & { unref?: () => void }).unref?.();
