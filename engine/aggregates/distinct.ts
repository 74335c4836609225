import type { Aggregate, AggregateKind } from '../model/aggregate.ts';
import type { FieldValue } from '../model/field.ts';
import { fingerprintOfValue } from './fingerprint.ts';
import { addToRegisters, createRegisters, estimateRegisters, mergeRegisters } from './hyperloglog.ts';

/** The fingerprints of the different values while there are few; beyond that, the registers of a HyperLogLog. */
export interface Distinct {
  /** The number of used `slots`, or their number before there were registers; 0 before the first value. */
  n: number;
  /** A hash table with open addressing; 0 is a free slot. It is at most half full, and its length is a power of two. */
  slots: number[];
  registers?: number[];
}

/** Up to this number of different values, the result is exact. */
export const EXACT_DISTINCT = 1_024;

const SMALLEST_TABLE = 8;

const aggregate: Aggregate<Distinct> = {
  create: () => ({ n: 0, slots: new Array<number>(SMALLEST_TABLE).fill(0) }),
  add: (into, value: FieldValue) => addFingerprint(into, fingerprintOfValue(value)),
  merge(into, from) {
    if (into.n === 0) {
      into.n = from.n;
      into.slots = from.slots.slice();
      if (from.registers !== undefined) into.registers = from.registers.slice();
      return;
    }
    for (const hash of from.slots) if (hash !== 0) addFingerprint(into, hash);
    if (from.registers !== undefined) mergeRegisters(registersOf(into), from.registers);
  },
  result: ({ n, registers }) =>
    registers === undefined ? n : Math.max(EXACT_DISTINCT + 1, Math.round(estimateRegisters(registers))),
};

/**
 * `{ "distinct": "firmware" }`: number of different values of a field, a label or `device`. Up to 1,024 it is exact (values are compared
 * by 53 bits). Beyond that it has a standard error of 1.6 %, and always uses 4,096 registers. Zero if there are no values.
 */
export const distinct: AggregateKind = {
  source: 'name',
  accepts: ['number', 'boolean', 'string'],
  create: () => aggregate,
};

function addFingerprint(into: Distinct, hash: number): void {
  if (into.registers !== undefined) {
    addToRegisters(into.registers, hash);
    return;
  }
  // 0 marks a free slot.
  if (!insert(into.slots, hash || 1)) return;
  into.n += 1;
  if (into.n > EXACT_DISTINCT) registersOf(into);
  else if (into.n * 2 > into.slots.length) grow(into);
}

/** Inserts a fingerprint. Returns false if it is already in the table. */
function insert(slots: number[], hash: number): boolean {
  const mask = slots.length - 1;
  let at = hash & mask;
  while (slots[at] !== 0) {
    if (slots[at] === hash) return false;
    at = (at + 1) & mask;
  }
  slots[at] = hash;
  return true;
}

function grow(into: Distinct): void {
  const grown = new Array<number>(into.slots.length * 2).fill(0);
  for (const hash of into.slots) if (hash !== 0) insert(grown, hash);
  into.slots = grown;
}

/** The registers. If there are none yet, they are created and the fingerprints are moved into them. */
function registersOf(of: Distinct): number[] {
  if (of.registers === undefined) {
    of.registers = createRegisters();
    for (const hash of of.slots) if (hash !== 0) addToRegisters(of.registers, hash);
    of.slots = [];
  }
  return of.registers;
}
