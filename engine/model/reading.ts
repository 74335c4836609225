import type { AttributeValues } from './attributes.ts';
import type { FieldValue } from './field.ts';

/** One measurement of one device at one instant, decoded and checked. */
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
  /** Index of the broker that it came by. */
  readonly connection: number;
  /** Journal offset of the message that carried it. */
  readonly offset: number;
  /** The device's own number of it, where the stream declares one. Of no meaning behind the step that decodes. */
  readonly sequence?: number | undefined;
  /**
   * 64-bit identity in two unsigned halves: hash of topic, payload and position in the message; or, where the stream declares a sequence,
   * of stream, device, number and the device's stamp.
   */
  readonly idHigh: number;
  readonly idLow: number;
  /** Declared fields, by their index in the stream's `fields`. */
  readonly values: readonly (FieldValue | undefined)[];
  /** Undeclared fields that the stream keeps: name → JSON text. */
  readonly extra: Readonly<Record<string, string>> | undefined;
  /** The device's stamp lay too far ahead of the receive time and was set back to it; may be set by the step that decodes. */
  clamped: boolean;
  /** What the device's stamp was before that. */
  stamp?: number;
  /** Live time of its broker connection at its arrival (see devices/liveness); set when it enters the chain. */
  liveMs: number;
  /** Those of its device, where a rule of its stream looks at them; set when it enters the chain. */
  attributes: AttributeValues | undefined;
  /** A new subscription brought it: it is judged by its stamp, and no sign that the device lives. */
  retained?: true;
  /** Where event time jumped ahead with it, by keying, lowest first; absent: nowhere. Steps start what they remember of these keys from the start. */
  jumps?: readonly ClockJump[];
  /** Came after every window that some rule would have had it in had closed; set by the window step, kept in the table. */
  late: boolean;
}

/** Event time of a key jumped: it went further than the time that passed (see devices/key-clock). */
export interface ClockJump {
  /** Index of the keying in the stream's plan. */
  readonly keying: number;
  /** Text of the key. */
  readonly key: string;
  /** Latest event time of the key before. */
  readonly from: number;
}

/** What brought a result about: a reading, or the tick that closed a window. */
export interface Cause {
  readonly offset: number;
  readonly receivedAt: number;
  /** Index of the broker by which the key was last heard of, and the live time of that connection. */
  readonly connection: number;
  readonly liveMs: number;
}

/** What a reading of a derived stream has of its own. */
type Made = Pick<Reading, 'stream' | 'device' | 'labels' | 'time' | 'values'>;

/**
 * A reading of a derived stream: its place in the journal and its live time are those of what caused it, and its identity is never asked
 * for, since it is not stored.
 */
export function madeReading(
  { receivedAt, connection, offset, liveMs }: Cause,
  { stream, device, labels, time, values }: Made,
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
    late: false,
  };
}
