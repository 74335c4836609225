import type { MqttNotice } from './notice.ts';

/** Everything that a broker's session reports to the operator. */
export interface SessionNotices {
  connected(): void;
  /** There is no subscribed connection. The same reason is reported once until the next `connected`. */
  disconnected(reason: string): void;
  sessionLost(): void;
  /** The next attempt uses another MQTT version. */
  protocolFallback(version: 4 | 5): void;
  oversize(topic: string, limitBytes: number): void;
  statusFailed(statusTopic: string, error: Error): void;
  /** Reports anything else. */
  send(level: MqttNotice['level'], code: MqttNotice['code'], message: string): void;
}

/** Creates the notices of one session. `address` is host and port of the broker. */
export function createSessionNotices(
  broker: string,
  address: string,
  onNotice: (notice: MqttNotice) => void,
): SessionNotices {
  let reportedReason = '';
  const send: SessionNotices['send'] = (level, code, message) => onNotice({ level, code, broker, message });
  return {
    connected() {
      reportedReason = '';
      send('info', 'connected', `Connected to ${address} and subscribed.`);
    },
    disconnected(reason) {
      if (reason === reportedReason) return;
      reportedReason = reason;
      send('warn', 'disconnected', `No connection to ${address}: ${reason}.`);
    },
    sessionLost: () => send('warn', 'session-lost', 'The broker has lost the session: messages may be missing.'),
    protocolFallback(version) {
      const next = version === 5 ? '5' : '3.1.1';
      send('warn', 'protocol-fallback', `${address} does not accept this version of MQTT; trying MQTT ${next}.`);
    },
    oversize(topic, limitBytes) {
      const what = `A message on ${JSON.stringify(topic)} is larger than ${limitBytes} bytes`;
      send('warn', 'oversize', `${what}: it was acknowledged and dropped.`);
    },
    statusFailed: (statusTopic, error) =>
      send('warn', 'status-failed', `The status could not be published on ${statusTopic}: ${error.message}.`),
    send,
  };
}
