import { type EngineProcess, tailOf } from './engine.ts';
import { PartFailed } from './errors.ts';
import type { Servers } from './servers.ts';

/** Detects that a process of the demo exits before it should. */
export interface ExitDetector {
  /** Aborts when a process exits unexpectedly. */
  readonly signal: AbortSignal;
  /** Call this before the processes are stopped on purpose. Rejects with PartFailed if one of them has already exited. */
  disarm(): Promise<void>;
}

/** Detects unexpected exits of the engine, NATS and ClickHouse. */
export function detectExits(engine: EngineProcess, { nats, clickhouse }: Servers): ExitDetector {
  const controller = new AbortController();
  let failure: string | undefined;
  let armed = true;
  const raise = (what: string) => (how: string) => {
    if (!armed) return;
    failure ??= `${what} exited unexpectedly: ${how}`;
    controller.abort();
  };
  engine.exited.then(raise('The engine'));
  nats.exited.then(raise('NATS'));
  clickhouse.exited.then(raise('ClickHouse'));
  return {
    signal: controller.signal,
    async disarm() {
      armed = false;
      if (failure !== undefined)
        throw new PartFailed(`${failure}\nLast lines of ${engine.logFile}:\n${await tailOf(engine.logFile)}`);
    },
  };
}
