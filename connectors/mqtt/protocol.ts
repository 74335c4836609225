import type { ProtocolVersion } from './broker.ts';

/** The result of a connection, as far as it matters for the protocol version. */
export interface ConnectionResult {
  /** Whether the TCP or TLS connection was established. */
  readonly transportOpened: boolean;
  /** The CONNACK code; 0 means accepted, undefined means that no CONNACK came. */
  readonly code: number | undefined;
}

/** The version to use next. */
export interface ProtocolChoice {
  readonly version: ProtocolVersion;
  /** Number of consecutive connections that the broker closed without an answer. */
  readonly unanswered: number;
  /** Whether to reconnect without backoff, because the broker explicitly refused the version. */
  readonly immediate: boolean;
}

/** Some brokers close the connection when they do not know the version of a CONNECT; a single time may be chance. */
const UNANSWERED_BEFORE_CHANGE = 2;
/** CONNACK codes of MQTT 3.1.1 and of MQTT 5 for a protocol version that the broker does not speak. */
const WRONG_VERSION: readonly (number | undefined)[] = [0x01, 0x84];

/** Changes from MQTT 5 to 3.1.1 if the broker refuses it, and back if 3.1.1 does not work either. Pure. */
export function nextProtocol(current: ProtocolChoice, result: ConnectionResult): ProtocolChoice {
  if (result.code !== undefined) {
    const refused = current.version === 5 && WRONG_VERSION.includes(result.code);
    return { version: refused ? 4 : current.version, unanswered: 0, immediate: refused };
  }
  if (!result.transportOpened) return { ...current, immediate: false };
  const unanswered = current.unanswered + 1;
  if (unanswered < UNANSWERED_BEFORE_CHANGE) return { version: current.version, unanswered, immediate: false };
  return { version: current.version === 5 ? 4 : 5, unanswered: 0, immediate: false };
}
