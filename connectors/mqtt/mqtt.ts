import type { Clock, PortStatus, SessionStore, Source } from '../../engine/ports.ts';
import type { Counters } from '../../engine/telemetry.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';
import { createMemories } from './memory.ts';
import type { MqttNotice } from './notice.ts';
import { BrokerSession } from './session.ts';

export type { ResolvedBroker } from './broker.ts';
export type { MqttNotice } from './notice.ts';

export interface MqttSourceOptions {
  /** The brokers in the order of the config: the index is the connection number. */
  readonly brokers: readonly ResolvedBroker[];
  readonly counters: Counters;
  readonly clock: Clock;
  /** Returns numbers in [0, 1), for the jitter of reconnects. */
  readonly random: () => number;
  readonly onNotice?: (event: MqttNotice) => void;
  /** Stores the subscriptions, so that those removed from the config can be ended later. Without it, they are kept in memory only. */
  readonly store?: SessionStore;
  /** Largest accepted message, header included. A larger one is counted, logged, acknowledged and dropped. Default 1 MiB. */
  readonly maxPacketBytes?: number;
  /**
   * Limit of unacknowledged bytes per broker. Above it, QoS 0 messages are shed until half of it is left. If QoS 1 and 2 alone exceed it
   * (with 256 bytes added for each message), reading stops until half of it is left. So the buffer holds at most twice the limit, and one
   * read. Default 16 MiB.
   */
  readonly highWaterBytes?: number;
}

const MIB = 1_048_576;

/**
 * The source that receives from MQTT brokers. QoS 1 and 2 messages are acknowledged to the broker only when `acknowledge` is called.
 * Sessions outlive connections, processes and `stop`. Marks come in the order `session-lost`, `connected`, `disconnected`; a resumed
 * session may deliver messages before `connected`. Throws a TypeError for a URL that is neither `mqtt:` nor `mqtts:`.
 */
export function createMqttSource(options: MqttSourceOptions): Source {
  for (const broker of options.brokers) brokerAddress(broker);
  let sessions: readonly BrokerSession[] = [];
  return {
    start: (handler) => {
      if (sessions.length > 0) throw new Error('The MQTT source has already been started.');
      const memories = createMemories(options.store, options.brokers, (reason) => reportFault(options, reason));
      sessions = options.brokers.map((broker, connection) => {
        const memory = memories[connection]!;
        const { counters, clock, random, onNotice = () => undefined } = options;
        const { maxPacketBytes = MIB, highWaterBytes = 16 * MIB } = options;
        const common = { handler, counters, clock, random, onNotice, maxPacketBytes, highWaterBytes };
        return new BrokerSession({ ...common, connection, broker, memory });
      });
    },
    stop: async () => {
      await Promise.all(sessions.map((session) => session.stop()));
    },
    status: () => statusOf(options.brokers.length, sessions),
  };
}

function reportFault({ onNotice, brokers }: MqttSourceOptions, reason: string): void {
  const message = `The list of subscriptions cannot be stored; topics removed from the config may stay subscribed: ${reason}.`;
  onNotice?.({
    level: 'warn',
    code: 'memory-failed',
    broker: brokers.map(({ config }) => config.name).join(', '),
    message,
  });
}

function statusOf(brokers: number, sessions: readonly BrokerSession[]): PortStatus {
  const problems = sessions.map((session) => session.problem()).filter((problem) => problem !== undefined);
  if (sessions.length < brokers) problems.push('not started');
  return problems.length === 0
    ? { name: 'mqtt', ready: true }
    : { name: 'mqtt', ready: false, reason: problems.join('; ') };
}
