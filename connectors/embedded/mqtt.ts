import { type ChildProcess, fork } from 'node:child_process';
import { endWithin, killOnExit, scriptBeside } from './child.ts';
import type { BrokerMessage } from './mqtt-child.ts';

/** A running MQTT broker that belongs to this process. */
export interface EmbeddedBroker {
  /** `mqtt://127.0.0.1:PORT`; no login. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the broker and discards its data. May be called more than once. */
  stop(): Promise<void>;
}

const START_DEADLINE_MS = 20_000;
const STOP_DEADLINE_MS = 2_000;

/**
 * Starts an MQTT 3.1.1 broker on 127.0.0.1 from the optional package `aedes`, in a child process that ends with this process. It keeps
 * sessions and messages in memory only. `port` 0, the default, uses a free port; `dir` is the working directory of the child (default:
 * that of this process). Rejects with what is missing.
 */
export async function startBroker(options: { port?: number; dir?: string } = {}): Promise<EmbeddedBroker> {
  const { execArgv, path } = scriptBeside('mqtt-child', import.meta.url);
  const child = fork(path, [String(options.port ?? 0)], {
    execArgv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    ...(options.dir !== undefined && { cwd: options.dir }),
  });
  killOnExit(child, () => child.kill('SIGKILL'));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const stop = async () => {
    if (child.connected) child.disconnect();
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    await endWithin(STOP_DEADLINE_MS, exited, () => child.kill('SIGKILL'));
  };
  try {
    const port = await untilListening(child);
    return { url: `mqtt://127.0.0.1:${port}`, port, pid: child.pid as number, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function untilListening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) =>
      reject(
        new Error(
          `The embedded MQTT broker did not start: ${reason}. It comes with the optional package aedes: ` +
            'run `npm ci` without `--omit=optional`, or configure your own broker.',
        ),
      );
    const late = setTimeout(() => fail(`no answer within ${START_DEADLINE_MS / 1000} s`), START_DEADLINE_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`it exited with ${signal ?? `code ${code}`}`));
    child.once('message', (message) => {
      const answer = message as BrokerMessage;
      clearTimeout(late);
      if ('port' in answer) resolve(answer.port);
      else fail(answer.error);
    });
  });
}
