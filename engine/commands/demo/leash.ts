/**
 * Loaded into the engine's process ahead of it (`node --import leash cli run`): ends the engine at once when stdin closes, which happens
 * even when the process at the other end was killed. Its servers go with it, so that there is nobody left to deliver to; the journal has
 * everything for the next start. The engine itself, as a service, has no business with stdin.
 */

const end = () => process.kill(process.pid, 'SIGKILL');

process.stdin.once('end', end).once('error', end).resume();
// Listening alone is no reason to live on.
(process.stdin as typeof process.stdin & { unref?: () => void }).unref?.();
