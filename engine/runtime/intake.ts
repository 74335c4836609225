import type { Logger } from 'pino';
import type { NewRecord } from '../model/record.ts';
import type { Clock, Inbound, PortStatus, SourceHandler } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import type { Fullness } from './backpressure.ts';
import { createShedding } from './load-shedding.ts';

export interface IntakeOptions {
  readonly clock: Clock;
  /** Appends messages to the journal. */
  readonly appendMessages: SourceHandler['messages'];
  /** Appends marks to the journal. */
  readonly append: (marks: readonly NewRecord[]) => void;
  /** The part of the engine that is closest to its limit. */
  readonly fullest: () => Fullness;
  /** Figures that are logged with the reason when intake stops. */
  readonly figures: () => object;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Receives the messages of sources, and decides whether they are appended now, later (QoS 1 and 2) or never (QoS 0). */
export interface Intake extends SourceHandler {
  /** Whether intake is stopped. */
  readonly paused: boolean;
  /** Stops intake when a part of the engine is at its limit, and resumes below half of it. Call it at least about once a second. */
  regulate(): void;
  /** Appends the buffered messages, so that they can be acknowledged. Call it when the source is stopping. */
  flush(): void;
  status(): PortStatus;
}

/** Messages of one socket read that wait: they are neither in the journal nor acknowledged. */
interface BufferedMessages {
  readonly connection: number;
  readonly messages: readonly Inbound[];
  readonly acknowledge: () => void;
}

/**
 * Creates an open intake. While it is stopped, QoS 1 and 2 messages are buffered in order and not acknowledged. The broker may only send a
 * limited number of unacknowledged messages, and keeps the rest; QoS 0 messages are shed. The source bounds the size of the buffer.
 * The journal marks the connections as disconnected meanwhile, so that no device counts as silent and the windows wait.
 *
 * Buffered messages are kept when their connection ends. The broker delivers them again over the next connection, and the fold finds the
 * duplicates by packet id. If the broker has lost the session, it does not deliver them again, and the buffered messages are the only copy.
 */
export function createIntake({
  clock,
  appendMessages,
  append,
  fullest,
  figures,
  counters,
  log,
}: IntakeOptions): Intake {
  const shedding = createShedding({ counters, clock, log });
  /** Open connections, also while intake is stopped. */
  const connected = new Set<number>();
  let buffered: BufferedMessages[] = [];
  let stoppedBy: string | undefined;

  const bufferOrShed = (connection: number, messages: readonly Inbound[], acknowledge: () => void): void => {
    const kept = messages.filter(({ qos }) => qos > 0);
    counters.messages_shed += messages.length - kept.length;
    if (kept.length === 0) acknowledge();
    // Copies: the memory of the socket read is used again.
    else buffered.push({ connection, messages: kept.map(copyOf), acknowledge });
  };

  const flush = (isDue: (each: BufferedMessages) => boolean): void => {
    const due = buffered.filter(isDue);
    buffered = buffered.filter((each) => !isDue(each));
    for (const { connection, messages, acknowledge } of due) appendMessages(connection, messages, acknowledge);
  };

  const stop = (reason: string): void => {
    stoppedBy = reason;
    append([{ kind: 'mark', at: clock.now(), mark: 'disconnected', connection: -1 }]);
    log.warn(figures(), `intake stopped: ${reason}; QoS 0 messages are shed, QoS 1 and 2 messages wait at the broker`);
  };

  const resume = (): void => {
    stoppedBy = undefined;
    const at = clock.now();
    append(Array.from(connected, (connection) => ({ kind: 'mark', at, mark: 'connected', connection })));
    flush(() => true);
    log.info('intake resumed');
  };

  return {
    get paused() {
      return stoppedBy !== undefined;
    },
    messages(connection, messages, acknowledge) {
      if (stoppedBy === undefined) appendMessages(connection, messages, acknowledge);
      else bufferOrShed(connection, messages, acknowledge);
    },
    mark(connection, mark) {
      if (mark === 'connected') connected.add(connection);
      if (mark === 'disconnected') connected.delete(connection);
      if (stoppedBy !== undefined && mark === 'connected') return;
      // After this mark, the same packet ids identify other messages.
      if (mark === 'session-lost') flush((each) => each.connection === connection);
      append([{ kind: 'mark', at: clock.now(), mark, connection }]);
    },
    regulate() {
      shedding.check();
      const { name, level } = fullest();
      if (stoppedBy === undefined && level >= 1) stop(name);
      else if (stoppedBy !== undefined && level < 0.5) resume();
      else if (stoppedBy !== undefined && level >= 1) stoppedBy = name;
    },
    flush: () => flush(() => true),
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
