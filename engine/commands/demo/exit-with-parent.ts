/**
 * A module that Node loads before the engine (`node --import exit-with-parent cli run`). It kills the process when stdin closes, which
 * also happens when the parent was killed. The demo's servers end together with the parent, so the engine could not deliver anything;
 * the journal has everything for the next start. The engine as a service does not use stdin.
 */

const end = () => process.kill(process.pid, 'SIGKILL');

process.stdin.once('end', end).once('error', end).resume();
// The listener alone must not keep the process alive.
(process.stdin as typeof process.stdin & { unref?: () => void }).unref?.();
