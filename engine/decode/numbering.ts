import type { SequenceConfig } from '../model/config.ts';
import type { Reading } from '../model/reading.ts';
import type { Counters } from '../telemetry.ts';

/**
 * What is remembered of a device's own count of its readings: the last 64 numbers, and of each which reading had it. Numbers stand on one
 * line also where the device's counter wraps; `highest` then is not the number itself, but equal to it modulo the counter's.
 */
export interface Numbering {
  /** Where the window of 64 ends. */
  highest: number;
  /** Event time of the reading that is there. */
  at: number;
  /** By number modulo 64: a print of its reading, `AWAITED`, or `UNKNOWN`. */
  prints: Int32Array;
  /** The same of readings beside the window: of the count before, where the device began to count anew, and of late ones. */
  beside: Int32Array | undefined;
}

/** As `Numbering`, in plain data; prints are base64 of their bytes. */
export type NumberingEntry = readonly [device: string, highest: number, at: number, prints: string, beside?: string];

/** What RFC 4303 recommends: brokers, and gateways that send again, rarely mix up more. 256 bytes for each device. */
const WIDTH = 64;
/** It is not known whether there ever was such a number: it lies before the first one. */
const UNKNOWN = 0;
/** Higher ones have come, this one not yet. */
const AWAITED = 1;

/**
 * Whether a reading of a stream with a sequence has come before, by whatever way: one with the same number and the same stamp, as its
 * identity has them. Takes it in where it has not, and counts both repetitions and numbers that leave the window without having come.
 *
 * Method: the sliding window of RFC 4303, section 3.4.3, as a ring that is not shifted (RFC 6479). Instead of a bit it has 31 bits of each
 * reading's identity, for a device that begins anew uses its numbers again: by a bit each alone, those readings would be lost. So what is
 * new is taken for a repetition by chance only, one in 2^31 of those whose number stands in the window.
 *
 * A number outside the window moves it only with a newer stamp: higher, it leaves a gap; lower, the device began to count anew, and so it
 * did with a newer stamp to a number that is taken. What was awaited then counts as neither come nor missed. With an older stamp it is
 * late, or of the count before, and is remembered beside the window, until one whose number is the same modulo 64 takes its place.
 */
export function isRepetition(
  numberings: Map<string, Numbering>,
  { device, time, idLow, sequence }: Reading,
  { modulus }: SequenceConfig,
  counters: Counters,
): boolean {
  // Neither of the two other values that a place of the ring may have.
  const print = idLow | 2;
  const known = numberings.get(device);
  if (known === undefined) {
    numberings.set(device, begin(sequence!, time, print));
    return false;
  }
  const ahead = distance(known.highest, sequence!, modulus);
  const number = known.highest + ahead;
  const place = remainder(number, WIDTH);
  if (known.prints[place] === print || known.beside?.[place] === print) {
    counters.readings_repeated += 1;
    return true;
  }
  const fills = ahead <= 0 && ahead > -WIDTH && isFree(known.prints[place]!);
  if (!fills) {
    if (ahead > 0 && (ahead <= WIDTH || time >= known.at)) counters.readings_missed += moveOn(known, ahead);
    else if (ahead <= 0 && time > known.at) beginAnew(known);
    else {
      known.beside ??= new Int32Array(WIDTH);
      known.beside[place] = print;
      return false;
    }
    known.highest = number;
    known.at = time;
  }
  known.prints[place] = print;
  return false;
}

function begin(number: number, at: number, print: number): Numbering {
  const prints = new Int32Array(WIDTH);
  prints[remainder(number, WIDTH)] = print;
  return { highest: number, at, prints, beside: undefined };
}

/** How far a number is ahead of the highest; of a counter that wraps, by the shorter way round (RFC 1982). */
function distance(highest: number, number: number, modulus: number | undefined): number {
  if (modulus === undefined) return number - highest;
  const ahead = remainder(number - highest, modulus);
  return ahead > modulus / 2 ? ahead - modulus : ahead;
}

/** From 0 up, also for what lies below 0. */
function remainder(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}

function isFree(print: number): boolean {
  return print === UNKNOWN || print === AWAITED;
}

/** Makes room for the numbers up to one that is `ahead`; returns how many leave the window, or pass it, without having come. */
function moveOn({ prints, highest }: Numbering, ahead: number): number {
  const steps = Math.min(ahead, WIDTH);
  let missed = ahead - steps;
  for (let i = 1; i <= steps; i++) {
    const place = remainder(highest + i, WIDTH);
    if (prints[place] === AWAITED) missed += 1;
    prints[place] = AWAITED;
  }
  return missed;
}

function beginAnew(known: Numbering): void {
  const { prints, beside } = known;
  known.prints = beside?.fill(UNKNOWN) ?? new Int32Array(WIDTH);
  known.beside = prints;
}

/** Takes it down. */
export function listNumbering(device: string, { highest, at, prints, beside }: Numbering): NumberingEntry {
  const entry = [device, highest, at, toText(prints)] as const;
  return beside === undefined ? entry : [...entry, toText(beside)];
}

/** Takes in what `listNumbering` gave. */
export function restoreNumbering(
  numberings: Map<string, Numbering>,
  [device, highest, at, prints, beside]: NumberingEntry,
): void {
  numberings.set(device, {
    highest,
    at,
    prints: toPrints(prints),
    beside: beside === undefined ? undefined : toPrints(beside),
  });
}

function toText({ buffer, byteOffset, byteLength }: Int32Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

function toPrints(text: string): Int32Array {
  const prints = new Int32Array(WIDTH);
  Buffer.from(text, 'base64').copy(new Uint8Array(prints.buffer));
  return prints;
}
