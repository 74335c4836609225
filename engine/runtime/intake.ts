import type { Logger } from 'pino';
import type { NewRecord } from '../model/record.ts';
import type { Clock, Inbound, PortStatus, SourceHandler } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import type { Fullness } from './backpressure.ts';
import { createShedding } from './load-shedding.ts';

export interface IntakeOptions {
  readonly clock: Clock;
  /** Takes messages into the journal. */
  readonly take: SourceHandler['messages'];
  readonly append: (drafts: readonly NewRecord[]) => void;
  /** The fullest part of the engine. */
  readonly fullest: () => Fullness;
  /** What to log beside the reason. */
  readonly figures: () => object;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Whether messages are taken in: what a source talks to. */
export interface Intake extends SourceHandler {
  readonly paused: boolean;
  /** Stops intake at the limit, and lets it go on at half of it. To be called about once a second at least. */
  regulate(): void;
  /** The source hands over nothing more: what is held goes into the journal, so that it can be acknowledged. */
  release(): void;
  status(): PortStatus;
}

/** Messages of one read that wait, neither in the journal nor acknowledged. */
interface Held {
  readonly connection: number;
  readonly messages: readonly Inbound[];
  readonly acknowledge: () => void;
}

/**
 * Begins with an open intake. While it is stopped, messages of QoS 1 and 2 are held in order and not acknowledged, so that the broker
 * comes to an end with what it may have under way, and holds the rest; those of QoS 0 are shed. What is held is bounded by its source.
 * For the fold the connections are gone meanwhile: the devices are not silent, and their windows wait.
 *
 * What is held outlives its connection: the broker delivers it again by the next one, and the fold knows it by its packet id; where it has
 * forgotten the session it does not, and nothing is lost by that.
 */
export function createIntake({ clock, take, append, fullest, figures, counters, log }: IntakeOptions): Intake {
  const shedding = createShedding({ counters, clock, log });
  /** Connections that stand, whether we take their messages in or not. */
  const connected = new Set<number>();
  let held: Held[] = [];
  let stoppedBy: string | undefined;

  const hold = (connection: number, messages: readonly Inbound[], acknowledge: () => void): void => {
    const owed = messages.filter(({ qos }) => qos > 0);
    counters.messages_shed += messages.length - owed.length;
    if (owed.length === 0) acknowledge();
    // As copies: a small message must not keep all the bytes that were read with it.
    else held.push({ connection, messages: owed.map(copyOf), acknowledge });
  };

  const release = (isDue: (each: Held) => boolean): void => {
    const due = held.filter(isDue);
    held = held.filter((each) => !isDue(each));
    for (const { connection, messages, acknowledge } of due) take(connection, messages, acknowledge);
  };

  const stop = (reason: string): void => {
    stoppedBy = reason;
    append([{ kind: 'mark', at: clock.now(), mark: 'disconnected', connection: -1 }]);
    log.warn(figures(), `intake stopped: ${reason}; QoS 0 is shed, and the broker holds the rest`);
  };

  const goOn = (): void => {
    stoppedBy = undefined;
    const at = clock.now();
    append(Array.from(connected, (connection) => ({ kind: 'mark', at, mark: 'connected', connection })));
    release(() => true);
    log.info('intake goes on');
  };

  return {
    get paused() {
      return stoppedBy !== undefined;
    },
    messages(connection, messages, acknowledge) {
      if (stoppedBy === undefined) take(connection, messages, acknowledge);
      else hold(connection, messages, acknowledge);
    },
    mark(connection, mark) {
      if (mark === 'connected') connected.add(connection);
      if (mark === 'disconnected') connected.delete(connection);
      if (stoppedBy !== undefined && mark === 'connected') return;
      // Behind the mark, packet ids mean other messages.
      if (mark === 'session-lost') release((each) => each.connection === connection);
      append([{ kind: 'mark', at: clock.now(), mark, connection }]);
    },
    regulate() {
      shedding.look();
      const { name, level } = fullest();
      if (stoppedBy === undefined && level >= 1) stop(name);
      else if (stoppedBy !== undefined && level < 0.5) goOn();
      else if (stoppedBy !== undefined && level >= 1) stoppedBy = name;
    },
    release: () => release(() => true),
    status() {
      const shed = shedding.reason();
      if (stoppedBy === undefined) return { name: 'intake', ready: true, ...(shed !== undefined && { reason: shed }) };
      const reason = [`stopped: ${stoppedBy}`, shed].filter((each) => each !== undefined).join('; ');
      return { name: 'intake', ready: false, reason };
    },
  };
}

function copyOf({ topic, payload, qos, retain, dup, packetId }: Inbound): Inbound {
  return { topic, payload: Buffer.from(payload), qos, retain, dup, packetId };
}
