import type { Logger } from 'pino';
import type { Draft, MarkName } from '../model/record.ts';
import type { Clock, PortStatus, Source } from '../ports.ts';

/** What keeps messages out, as a part of its limit: from 1 on nothing is taken in. */
export interface Pressure {
  readonly name: string;
  readonly level: number;
}

export interface IntakeOptions {
  readonly source: Source;
  readonly clock: Clock;
  readonly append: (drafts: readonly Draft[]) => void;
  /** The greatest of the moment. */
  readonly pressure: () => Pressure;
  /** What to log beside the reason. */
  readonly figures: () => object;
  readonly log: Logger;
}

/** Whether messages are taken in. */
export interface Intake {
  readonly paused: boolean;
  /** A connection to a broker stands, or no longer does. */
  mark(connection: number, mark: Exclude<MarkName, 'started' | 'cut'>): void;
  /** Stops intake at the limit, and lets it go on at half of it: the broker holds the rest. */
  regulate(): void;
  status(): PortStatus;
}

/**
 * Begins with an open intake. While it is stopped we hear nobody, so for the fold the connections are gone: the devices are not silent,
 * and their windows wait for what the broker holds.
 */
export function createIntake({ source, clock, append, pressure, figures, log }: IntakeOptions): Intake {
  /** Connections that stand, whether we read from them or not. */
  const connected = new Set<number>();
  let stoppedBy: string | undefined;

  const stop = (reason: string): void => {
    stoppedBy = reason;
    source.pause();
    append([{ kind: 'mark', at: clock.now(), mark: 'disconnected', connection: -1 }]);
    log.warn(figures(), `intake stopped: ${reason}; the broker holds the rest`);
  };

  const goOn = (): void => {
    stoppedBy = undefined;
    const at = clock.now();
    append(Array.from(connected, (connection) => ({ kind: 'mark', at, mark: 'connected', connection })));
    source.resume();
    log.info('intake goes on');
  };

  return {
    get paused() {
      return stoppedBy !== undefined;
    },
    mark(connection, mark) {
      if (mark === 'connected') connected.add(connection);
      if (mark === 'disconnected') connected.delete(connection);
      if (stoppedBy !== undefined && mark === 'connected') return;
      append([{ kind: 'mark', at: clock.now(), mark, connection }]);
    },
    regulate() {
      const { name, level } = pressure();
      if (stoppedBy === undefined && level >= 1) stop(name);
      else if (stoppedBy !== undefined && level < 0.5) goOn();
      else if (stoppedBy !== undefined && level >= 1) stoppedBy = name;
    },
    status: () =>
      stoppedBy === undefined
        ? { name: 'intake', ready: true }
        : { name: 'intake', ready: false, reason: `stopped: ${stoppedBy}` },
  };
}
