import { type EngineProcess, tailOf } from './engine.ts';
import { Broken } from './failure.ts';
import type { Servers } from './servers.ts';

/** Tells when something ends that should not have. */
export interface Alarm {
  /** Fires when something ended before its time. */
  readonly signal: AbortSignal;
  /** To be called before things are ended on purpose. Rejects with Broken where something was faster. */
  disarm(): Promise<void>;
}

/** Watches over the engine, NATS and ClickHouse. */
export function watchOver(engine: EngineProcess, { nats, clickhouse }: Servers): Alarm {
  const controller = new AbortController();
  let broken: string | undefined;
  let armed = true;
  const raise = (what: string) => (how: string) => {
    if (!armed) return;
    broken ??= `${what} ended before its time: ${how}`;
    controller.abort();
  };
  engine.exited.then(raise('The engine'));
  nats.exited.then(raise('NATS'));
  clickhouse.exited.then(raise('ClickHouse'));
  return {
    signal: controller.signal,
    async disarm() {
      armed = false;
      if (broken !== undefined)
        throw new Broken(`${broken}\n${engine.logFile} ends with:\n${await tailOf(engine.logFile)}`);
    },
  };
}
