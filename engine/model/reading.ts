import type { AttributeValues } from './attributes.ts';
import type { FieldValue } from './field.ts';

/** One measurement of one device at one instant. It is decoded and checked. */
export interface Reading {
  readonly kind: 'reading';
  /** Index of the stream in the plan. */
  readonly stream: number;
  readonly device: string;
  /** Label values, in the order of the stream's `labels`. */
  readonly labels: readonly string[];
  /** Event time: milliseconds since the epoch, with microseconds as a fraction. */
  time: number;
  /** Receive time of the message: milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Index of the broker that delivered it. */
  readonly connection: number;
  /** Journal offset of the message that carried it. */
  readonly offset: number;
  /** The device's own sequence number, if the stream declares one. Only decode uses it. */
  readonly sequence?: number | undefined;
  /**
   * 64-bit identity in two unsigned halves. It is a hash of topic, payload and position in the message. If the stream declares a sequence, it
   * is a hash of stream, device, number and the device's stamp.
   */
  readonly idHigh: number;
  readonly idLow: number;
  /** Declared fields, by their index in the stream's `fields`. */
  readonly values: readonly (FieldValue | undefined)[];
  /** Undeclared fields that the stream keeps: JSON text by name. */
  readonly extra: Readonly<Record<string, string>> | undefined;
  /** Whether the device's stamp was too far ahead of the receive time and was set to it. Decode may set it. */
  clamped: boolean;
  /** The device's stamp before that. */
  stamp?: number;
  /** Live time of its broker connection at its arrival, in milliseconds (see devices/liveness). Set when it enters the chain. */
  liveMs: number;
  /** The attributes of its device, if a rule of its stream uses them. Set when it enters the chain. */
  attributes: AttributeValues | undefined;
  /**
   * Where the state of its device and keys is, see `placeOf`. Set when it enters the chain, or where it is derived. Undefined: there is no room
   * for the device.
   */
  place?: object | undefined;
  /** A new subscription delivered it as a retained message. It is evaluated at its stamp, and is no sign that the device is online. */
  retained?: true;
  /** Jumps ahead of event time with this reading, by rising keying. Absent: none. Steps reset their state of these keys. */
  jumps?: readonly ClockJump[];
  /** Late data: for some rule, every window of this reading had closed. Set by the window step and stored in the table. */
  late: boolean;
}

/** A jump of a key's event time: it advanced more than the time that passed (see devices/key-clock). */
export interface ClockJump {
  /** Index of the keying in the stream's plan. */
  readonly keying: number;
  /** Latest event time of the key before the jump. */
  readonly from: number;
}

/** The cause of a result: a reading, or the tick that closed a window. */
export interface Cause {
  readonly offset: number;
  readonly receivedAt: number;
  /** Index of the broker that last delivered a reading of the key. */
  readonly connection: number;
  /** Live time of that broker's connection, in milliseconds. */
  readonly liveMs: number;
}

/** The properties of a derived reading that do not come from its cause. */
type DerivedValues = Pick<Reading, 'stream' | 'device' | 'labels' | 'time' | 'values'>;

/**
 * Makes a reading of a derived stream. Its journal offset and live time are those of its cause. It has no identity, because it is not stored.
 */
export function madeReading(
  { receivedAt, connection, offset, liveMs }: Cause,
  { stream, device, labels, time, values }: DerivedValues,
  clamped: boolean,
  attributes: AttributeValues | undefined,
): Reading {
  return {
    kind: 'reading',
    stream,
    device,
    labels,
    time,
    receivedAt,
    connection,
    offset,
    sequence: undefined,
    idHigh: 0,
    idLow: 0,
    values,
    extra: undefined,
    clamped,
    liveMs,
    attributes,
    place: undefined,
    late: false,
  };
}
