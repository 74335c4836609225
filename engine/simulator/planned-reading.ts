import type { Measurement } from './device.ts';
import type { Random } from './random.ts';

/** Kinds of invalid payloads. A receiver must reject each of them. */
export const GARBAGE_FORMS = ['prose', 'truncated', 'wrong-type', 'not-an-object', 'binary'] as const;
export type GarbageForm = (typeof GARBAGE_FORMS)[number];

/** A reading before it is sent: first what a healthy device would send, then changed by faults. */
export interface PlannedReading extends Measurement {
  /** When the device measured, milliseconds since the epoch. */
  at: number;
  /** Time between two readings of a device. */
  everyMs: number;
  /** The timestamp in the message. */
  stampAt: number;
  /** Delay between measuring and sending. */
  delayMs: number;
  /** Delay between the message and its duplicate; undefined if there is no duplicate. */
  copyAfterMs: number | undefined;
  /** The kind of invalid payload to send instead, and the source of its random parts; undefined for a valid reading. */
  garbage: { readonly form: GarbageForm; readonly random: Random } | undefined;
  /** Whether nothing is sent. */
  withheld: boolean;
  /** The message to send on the status topic first; undefined if there is none. */
  statusToSend: 'online' | 'offline' | undefined;
}

/** Creates an object that is reused for every reading; see `resetReading`. */
export function createPlannedReading(everyMs: number): PlannedReading {
  return {
    temp: 0,
    humidity: 0,
    battery: 0,
    at: 0,
    everyMs,
    stampAt: 0,
    delayMs: 0,
    copyAfterMs: undefined,
    garbage: undefined,
    withheld: false,
    statusToSend: undefined,
  };
}

/** Resets a reading to a healthy one measured at `at`. `measure` fills in the values. */
export function resetReading(reading: PlannedReading, at: number): void {
  reading.at = at;
  reading.stampAt = at;
  reading.delayMs = 0;
  reading.copyAfterMs = undefined;
  reading.garbage = undefined;
  reading.withheld = false;
  reading.statusToSend = undefined;
}

/** Rounds to two decimals, as the simulated sensors report. */
export function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The JSON payload of a reading. Timestamps are whole milliseconds. */
export function renderReading(device: string, reading: PlannedReading): string {
  return `{"device_id":"${device}","temp":${toHundredths(reading.temp)},"humidity":${
    Math.round(reading.humidity * 10) / 10
  },"battery":${Math.round(reading.battery * 10) / 10},"ts":${Math.floor(reading.stampAt)}}`;
}

/** An invalid payload of the given kind. */
export function renderGarbage(
  form: GarbageForm,
  device: string,
  reading: PlannedReading,
  random: Random,
): string | Uint8Array {
  switch (form) {
    case 'prose':
      return `ERR ${device}: sensor timeout at ${Math.floor(reading.stampAt)}`;
    case 'truncated': {
      const whole = renderReading(device, reading);
      return whole.slice(0, 1 + Math.floor(random.next() * (whole.length - 1)));
    }
    case 'wrong-type':
      return `{"device_id":"${device}","temp":"n/a","humidity":{"raw":17},"ts":${Math.floor(reading.stampAt)}}`;
    case 'not-an-object':
      return `[${toHundredths(reading.temp)},${Math.floor(reading.stampAt)}]`;
    case 'binary': {
      const bytes = new Uint8Array(16 + Math.floor(random.next() * 32));
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = random.next() * 256;
      // Neither UTF-8 nor JSON can start with 0xff.
      bytes[0] = 0xff;
      return bytes;
    }
  }
}
