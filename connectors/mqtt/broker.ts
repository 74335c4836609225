import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { IClientOptions } from 'mqtt';
import type { BrokerConfig, Qos } from '../../engine/model/config.ts';

/** A broker of the config, with the contents of the files and environment variables that the config refers to. */
export interface ResolvedBroker {
  readonly config: BrokerConfig;
  readonly username?: string;
  readonly password?: string;
  /** Contents of the PEM files, not their paths. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly subscriptions: readonly { readonly filter: string; readonly qos: Qos }[];
  /** Whether an earlier process may have left a session with this broker. If so, a missing session is a possible gap. Default false. */
  readonly hadSession?: boolean;
}

/** The protocol level in the CONNECT packet: 4 is MQTT 3.1.1, 5 is MQTT 5. */
export type ProtocolVersion = 4 | 5;

/** Host and port of a broker, for messages; without the parts of the URL that may be secret. Throws a TypeError for a wrong scheme. */
export function brokerAddress(broker: ResolvedBroker): { secure: boolean; host: string; port: number } {
  const url = new URL(broker.config.url);
  if (url.protocol !== 'mqtt:' && url.protocol !== 'mqtts:') {
    throw new TypeError(`The URL of broker "${broker.config.name}" starts with ${url.protocol}; use mqtt: or mqtts:.`);
  }
  const secure = url.protocol === 'mqtts:';
  // In a URL, an IPv6 address is in brackets; elsewhere it is not.
  const host = url.hostname.replace(/^\[|\]$/g, '') || 'localhost';
  return { secure, host, port: url.port === '' ? (secure ? 8883 : 1883) : Number(url.port) };
}

/** Bytes of one read of the socket, as many as Node reads at once. */
const READ_BYTES = 65_536;

/**
 * Starts to connect. `onRead` is called with the bytes of each read, which are valid until it returns: without TLS, the memory is used again.
 * Throws if a certificate or key cannot be parsed.
 */
export function openSocket(broker: ResolvedBroker, onRead: (chunk: Buffer) => void): Socket {
  const { secure, host, port } = brokerAddress(broker);
  if (!secure) {
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const callback = (length: number): boolean => {
      onRead(buffer.subarray(0, length));
      return true;
    };
    return connectTcp({ host, port, noDelay: true, onread: { buffer, callback } });
  }
  const servername = broker.config.tls?.servername ?? (isIP(host) === 0 ? host : undefined);
  const socket = connectTls({
    host,
    port,
    rejectUnauthorized: broker.config.tls?.verify ?? true,
    ...(servername !== undefined && { servername }),
    ...(broker.ca !== undefined && { ca: broker.ca }),
    ...(broker.cert !== undefined && { cert: broker.cert }),
    ...(broker.key !== undefined && { key: broker.key }),
  });
  return socket.setNoDelay(true).on('data', onRead);
}

/** The options of mqtt.js for one connection. `announcedBytes` is the largest packet that the broker may send. */
export function clientOptions(
  broker: ResolvedBroker,
  version: ProtocolVersion,
  announcedBytes: number,
): IClientOptions {
  const { clientId, keepalive, statusTopic, sessionExpiry, receiveMaximum } = broker.config;
  return {
    protocolVersion: version,
    clientId,
    keepalive,
    clean: false,
    // The session decides when to reconnect.
    reconnectPeriod: 0,
    resubscribe: false,
    will: { topic: statusTopic, payload: Buffer.from('offline'), qos: 1, retain: true },
    ...(broker.username !== undefined && { username: broker.username }),
    ...(broker.password !== undefined && { password: broker.password }),
    ...(version === 5 && {
      properties: { sessionExpiryInterval: sessionExpiry, receiveMaximum, maximumPacketSize: announcedBytes },
    }),
  };
}
