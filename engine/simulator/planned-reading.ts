import type { Measurement } from './device.ts';
import type { Random } from './random.ts';

/** Ways in which a payload can be unusable; each must be rejected by whoever reads it. */
export const GARBAGE_FORMS = ['prose', 'truncated', 'wrong-type', 'not-an-object', 'binary'] as const;
export type GarbageForm = (typeof GARBAGE_FORMS)[number];

/** A message in the making: what the healthy device would send, which faults then spoil. */
export interface ReadingDraft extends Measurement {
  /** When the device measured, milliseconds since the epoch. */
  at: number;
  /** Time between two readings of a device. */
  everyMs: number;
  /** The stamp that goes into the message. */
  stampAt: number;
  /** How much later than measured the message goes out. */
  delayMs: number;
  /** How long after the message its second copy goes out; undefined: no copy. */
  copyAfterMs: number | undefined;
  /** The form of what is sent instead of a reading, and where its random parts come from. */
  garbage: { readonly form: GarbageForm; readonly random: Random } | undefined;
  /** Nothing goes out. */
  withheld: boolean;
  /** A word on the status topic, before the message. */
  announce: 'online' | 'offline' | undefined;
}

/** An empty draft, to be started over for every reading. */
export function createDraft(everyMs: number): ReadingDraft {
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
    announce: undefined,
  };
}

/** Takes a draft back to a healthy message measured at an instant; the measurement itself is left to `measure`. */
export function restartDraft(draft: ReadingDraft, at: number): void {
  draft.at = at;
  draft.stampAt = at;
  draft.delayMs = 0;
  draft.copyAfterMs = undefined;
  draft.garbage = undefined;
  draft.withheld = false;
  draft.announce = undefined;
}

/** Rounds to two decimals, as the simulated sensors report. */
export function toHundredths(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The JSON that a device sends for a draft. Stamps are whole milliseconds. */
export function renderReading(device: string, draft: ReadingDraft): string {
  return `{"device_id":"${device}","temp":${toHundredths(draft.temp)},"humidity":${
    Math.round(draft.humidity * 10) / 10
  },"battery":${Math.round(draft.battery * 10) / 10},"ts":${Math.floor(draft.stampAt)}}`;
}

/** A payload in the given form of garbage. */
export function renderGarbage(
  form: GarbageForm,
  device: string,
  draft: ReadingDraft,
  random: Random,
): string | Uint8Array {
  switch (form) {
    case 'prose':
      return `ERR ${device}: sensor timeout at ${Math.floor(draft.stampAt)}`;
    case 'truncated': {
      const whole = renderReading(device, draft);
      return whole.slice(0, 1 + Math.floor(random.next() * (whole.length - 1)));
    }
    case 'wrong-type':
      return `{"device_id":"${device}","temp":"n/a","humidity":{"raw":17},"ts":${Math.floor(draft.stampAt)}}`;
    case 'not-an-object':
      return `[${toHundredths(draft.temp)},${Math.floor(draft.stampAt)}]`;
    case 'binary': {
      const bytes = new Uint8Array(16 + Math.floor(random.next() * 32));
      for (let i = 0; i < bytes.length; i += 1) bytes[i] = random.next() * 256;
      // 0xff begins neither a UTF-8 sequence nor JSON.
      bytes[0] = 0xff;
      return bytes;
    }
  }
}
