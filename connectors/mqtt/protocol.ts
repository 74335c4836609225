import type { ProtocolVersion } from './broker.ts';

/** How a connection went, as far as the protocol version is concerned. */
export interface ConnectionResult {
  /** The transport stood. */
  readonly reached: boolean;
  /** CONNACK code; 0 is a welcome, undefined where none came. */
  readonly code: number | undefined;
}

/** Which version to speak next. */
export interface ProtocolChoice {
  readonly version: ProtocolVersion;
  /** Connections in a row that the broker ended without an answer. */
  readonly hangUps: number;
  /** The broker refused the version in so many words: there is no reason to wait. */
  readonly atOnce: boolean;
}

/** Some brokers answer a CONNECT of a version they do not know by hanging up; once may be chance. */
const HANG_UPS_BEFORE_CHANGE = 2;
/** CONNACK codes of MQTT 3.1.1 and of MQTT 5 for a protocol version that the broker does not speak. */
const WRONG_VERSION: readonly (number | undefined)[] = [0x01, 0x84];

/** Steps from MQTT 5 down to 3.1.1 where the broker refuses it, and back up where 3.1.1 fares no better. Pure. */
export function nextProtocol(current: ProtocolChoice, result: ConnectionResult): ProtocolChoice {
  if (result.code !== undefined) {
    const refused = current.version === 5 && WRONG_VERSION.includes(result.code);
    return { version: refused ? 4 : current.version, hangUps: 0, atOnce: refused };
  }
  if (!result.reached) return { ...current, atOnce: false };
  const hangUps = current.hangUps + 1;
  if (hangUps < HANG_UPS_BEFORE_CHANGE) return { version: current.version, hangUps, atOnce: false };
  return { version: current.version === 5 ? 4 : 5, hangUps: 0, atOnce: false };
}
