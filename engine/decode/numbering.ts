import type { SequenceConfig } from '../model/config.ts';
import type { Reading } from '../model/reading.ts';
import type { Counters } from '../telemetry.ts';

/**
 * The state of a device's sequence numbers: the last 64 numbers, and which reading had each. If the device's counter wraps, numbers here still
 * rise: `highest` is then not the number itself, but equal to it modulo the counter's modulus.
 */
export interface Numbering {
  /** The highest number of the window of 64. */
  highest: number;
  /** Event time of the reading with the highest number. */
  at: number;
  /** By number modulo 64: the fingerprint of its reading, `AWAITED`, or `UNKNOWN`. */
  fingerprints: Int32Array;
  /** The same for readings outside the window: those before the device's counter restarted, and those that came too late for the window. */
  beside: Int32Array | undefined;
}

/** A device, with its sequence numbers; undefined before its first reading. */
export interface Numbered {
  numbering: Numbering | undefined;
}

/** A `Numbering` as plain data. Fingerprints are base64 of their bytes. */
export type NumberingEntry = readonly [
  device: string,
  highest: number,
  at: number,
  fingerprints: string,
  beside?: string,
];

/** The window that RFC 4303 recommends. Brokers, and gateways that resend, rarely reorder more. It takes 256 bytes for each device. */
const WIDTH = 64;
/** The number is before the first one that was received, so it is unknown whether it was ever used. */
const UNKNOWN = 0;
/** Higher numbers were received, this one was not yet. */
const AWAITED = 1;

/**
 * Whether a reading of a stream with a sequence is a duplicate, by whatever topic, broker or format it came: a reading with the same number and
 * stamp (which are in its identity) was received before. A new reading is added to the state. Duplicates are counted, and so are numbers that
 * leave the window and were never received.
 *
 * Method: the sliding window of RFC 4303, section 3.4.3, as a ring that is not shifted (RFC 6479). It has 31 bits of each reading's identity
 * instead of one bit, because a device whose counter restarts uses its numbers again. With one bit, those readings would be lost. A new reading
 * whose number is in the window is mistaken for a duplicate with a probability of 1 in 2^31.
 *
 * A number outside the window moves the window only if its stamp is newer. A higher number leaves a gap. A lower number, or a number in the
 * window that another reading had, means that the device's counter restarted; numbers that were awaited then count neither as received nor as
 * missed. With an older stamp, the reading is too late or from before the restart. It is then remembered in `beside`, until another reading
 * whose number is equal modulo 64 replaces it.
 */
export function isDuplicate(
  device: Numbered,
  { time, idLow, sequence }: Reading,
  { modulus }: SequenceConfig,
  counters: Counters,
): boolean {
  // The fingerprint is never `UNKNOWN` or `AWAITED`.
  const fingerprint = idLow | 2;
  const known = device.numbering;
  if (known === undefined) {
    device.numbering = begin(sequence!, time, fingerprint);
    return false;
  }
  const ahead = distance(known.highest, sequence!, modulus);
  const number = known.highest + ahead;
  const place = remainder(number, WIDTH);
  if (known.fingerprints[place] === fingerprint || known.beside?.[place] === fingerprint) {
    counters.readings_repeated += 1;
    return true;
  }
  const fills = ahead <= 0 && ahead > -WIDTH && isFree(known.fingerprints[place]!);
  if (!fills) {
    if (ahead > 0 && (ahead <= WIDTH || time >= known.at)) counters.readings_missed += advanceWindow(known, ahead);
    else if (ahead <= 0 && time > known.at) restartCount(known);
    else {
      known.beside ??= new Int32Array(WIDTH);
      known.beside[place] = fingerprint;
      return false;
    }
    known.highest = number;
    known.at = time;
  }
  known.fingerprints[place] = fingerprint;
  return false;
}

function begin(number: number, at: number, fingerprint: number): Numbering {
  const fingerprints = new Int32Array(WIDTH);
  fingerprints[remainder(number, WIDTH)] = fingerprint;
  return { highest: number, at, fingerprints, beside: undefined };
}

/** How far a number is ahead of the highest. For a counter that wraps, the shorter direction counts (RFC 1982). */
function distance(highest: number, number: number, modulus: number | undefined): number {
  if (modulus === undefined) return number - highest;
  const ahead = remainder(number - highest, modulus);
  return ahead > modulus / 2 ? ahead - modulus : ahead;
}

/** The remainder of a division; it is never negative. */
function remainder(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}

function isFree(fingerprint: number): boolean {
  return fingerprint === UNKNOWN || fingerprint === AWAITED;
}

/** Moves the window forward by `ahead`. Returns how many numbers left the window, or were skipped, without having been received. */
function advanceWindow({ fingerprints, highest }: Numbering, ahead: number): number {
  const steps = Math.min(ahead, WIDTH);
  let missed = ahead - steps;
  for (let i = 1; i <= steps; i++) {
    const place = remainder(highest + i, WIDTH);
    if (fingerprints[place] === AWAITED) missed += 1;
    fingerprints[place] = AWAITED;
  }
  return missed;
}

function restartCount(known: Numbering): void {
  const { fingerprints, beside } = known;
  known.fingerprints = beside?.fill(UNKNOWN) ?? new Int32Array(WIDTH);
  known.beside = fingerprints;
}

/** The numbering of a device as plain data. */
export function listNumbering(device: string, { highest, at, fingerprints, beside }: Numbering): NumberingEntry {
  const entry = [device, highest, at, toText(fingerprints)] as const;
  return beside === undefined ? entry : [...entry, toText(beside)];
}

/** Restores what `listNumbering` returned. */
export function restoreNumbering([, highest, at, fingerprints, beside]: NumberingEntry): Numbering {
  return {
    highest,
    at,
    fingerprints: toFingerprints(fingerprints),
    beside: beside === undefined ? undefined : toFingerprints(beside),
  };
}

function toText({ buffer, byteOffset, byteLength }: Int32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function toFingerprints(text: string): Int32Array {
  const fingerprints = new Int32Array(WIDTH);
  Buffer.from(text, 'base64').copy(new Uint8Array(fingerprints.buffer));
  return fingerprints;
}
