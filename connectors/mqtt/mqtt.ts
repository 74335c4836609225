import type { Clock, PortStatus, SessionStore, Source } from '../../engine/ports.ts';
import type { Counters } from '../../engine/telemetry.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';
import { createMemories } from './memory.ts';
import type { MqttNotice } from './notice.ts';
import { BrokerSession } from './session.ts';

export type { ResolvedBroker } from './broker.ts';
export type { MqttNotice } from './notice.ts';

export interface MqttSourceOptions {
  /** In the order of the config: the index is the number of the connection. */
  readonly brokers: readonly ResolvedBroker[];
  readonly counters: Counters;
  readonly clock: Clock;
  /** Numbers in [0, 1), for the jitter of reconnects. */
  readonly random: () => number;
  readonly onNotice?: (event: MqttNotice) => void;
  /** Where subscriptions are remembered, so that those that are gone from the config can be ended; absent: in this process alone. */
  readonly store?: SessionStore;
  /** Largest message taken, header included; a larger one is counted, named and acknowledged. Default 1 MiB. */
  readonly maxPacketBytes?: number;
  /**
   * Per broker: above this many bytes not acknowledged, QoS 0 messages are shed until half of it. Where those of QoS 1 and 2 alone are
   * above it (with 256 bytes added for each), reading stops until half of it. So at most twice as much is held, and one read. Default 16 MiB.
   */
  readonly highWaterBytes?: number;
}

const MIB = 1_048_576;

/**
 * The Source of MQTT brokers. QoS 1 and 2 messages are acknowledged to the broker when `acknowledge` is called and not
 * before; sessions outlive connections, processes and `stop`. Marks come in the order `session-lost`, `connected`,
 * `disconnected`; a resumed session may deliver messages ahead of `connected`.
 * Throws a TypeError for a URL that is neither `mqtt:` nor `mqtts:`.
 */
export function createMqttSource(options: MqttSourceOptions): Source {
  for (const broker of options.brokers) brokerAddress(broker);
  let sessions: readonly BrokerSession[] = [];
  return {
    start: (handler) => {
      if (sessions.length > 0) throw new Error('The MQTT source was started before.');
      const memories = createMemories(options.store, options.brokers, (reason) => tellFault(options, reason));
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

function tellFault({ onNotice, brokers }: MqttSourceOptions, reason: string): void {
  const message = `What is subscribed to cannot be remembered; topics removed from the config may stay subscribed: ${reason}.`;
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
