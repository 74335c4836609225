import type { Aggregate, AggregateKind } from '../model/aggregate.ts';
import type { FieldValue } from '../model/field.ts';
import { fingerprint } from './fingerprint.ts';
import { addToRegisters, createRegisters, estimateRegisters, mergeRegisters } from './hyperloglog.ts';

/** Fingerprints of the values while these are few; beyond that, registers of a HyperLogLog. */
export interface Distinct {
  /** How many `slots` are taken, or were before there were registers; 0 where nothing has come. */
  n: number;
  /** A hash table with open addressing, 0 where it is free, at most half full; its length is a power of two. */
  slots: number[];
  registers?: number[];
}

/** Up to so many different values, their number is exact. */
export const EXACT_DISTINCT = 1_024;

const SMALLEST_TABLE = 8;

const aggregate: Aggregate<Distinct> = {
  create: () => ({ n: 0, slots: new Array<number>(SMALLEST_TABLE).fill(0) }),
  add: (into, value: FieldValue) => take(into, fingerprint(value)),
  merge(into, from) {
    if (into.n === 0) {
      into.n = from.n;
      into.slots = from.slots.slice();
      if (from.registers !== undefined) into.registers = from.registers.slice();
      return;
    }
    for (const print of from.slots) if (print !== 0) take(into, print);
    if (from.registers !== undefined) mergeRegisters(registersOf(into), from.registers);
  },
  result: ({ n, registers }) =>
    registers === undefined ? n : Math.max(EXACT_DISTINCT + 1, Math.round(estimateRegisters(registers))),
};

/**
 * `{ "distinct": "firmware" }`: number of different values of a field, a label or `device`. Up to 1,024 it is exact (values are told
 * apart by 53 bits); beyond, it has a standard error of 1.6 %, and takes 4,096 registers whatever the number. Zero where there is none.
 */
export const distinct: AggregateKind = {
  source: 'name',
  accepts: ['number', 'boolean', 'string'],
  create: () => aggregate,
};

function take(into: Distinct, print: number): void {
  if (into.registers !== undefined) {
    addToRegisters(into.registers, print);
    return;
  }
  // 0 marks a free slot.
  if (!insert(into.slots, print || 1)) return;
  into.n += 1;
  if (into.n > EXACT_DISTINCT) registersOf(into);
  else if (into.n * 2 > into.slots.length) grow(into);
}

/** False where it is there already. */
function insert(slots: number[], print: number): boolean {
  const mask = slots.length - 1;
  let at = print & mask;
  while (slots[at] !== 0) {
    if (slots[at] === print) return false;
    at = (at + 1) & mask;
  }
  slots[at] = print;
  return true;
}

function grow(into: Distinct): void {
  const grown = new Array<number>(into.slots.length * 2).fill(0);
  for (const print of into.slots) if (print !== 0) insert(grown, print);
  into.slots = grown;
}

/** The registers, into which the fingerprints move first where there are none yet. */
function registersOf(of: Distinct): number[] {
  if (of.registers === undefined) {
    of.registers = createRegisters();
    for (const print of of.slots) if (print !== 0) addToRegisters(of.registers, print);
    of.slots = [];
  }
  return of.registers;
}
