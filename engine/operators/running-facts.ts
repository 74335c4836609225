import type { FieldValue } from '../model/field.ts';
import type { Derived } from '../model/item/window-result.ts';
import type { DerivedRule, FormulaPlan, RunningFact } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { KeyState, Running } from '../state/key.ts';
import { withSlot } from '../state/slot-list.ts';

/**
 * Takes a reading into the running facts of its key, and computes all facts of the rule for the reading. Running facts only go forward: if the
 * rule remembers anything and the reading is older than the newest one of its key, nothing changes and the result is undefined.
 */
export function derive(rule: DerivedRule, key: KeyState, reading: Reading): Derived | undefined {
  const { offset, receivedAt, time } = reading;
  let previousAt = time;
  let facts: readonly (FieldValue | undefined)[] = [];
  if (rule.running.length > 0 || rule.remembered.length > 0) {
    const running = runningOf(rule, key, time);
    if (time < running.at) return undefined;
    previousAt = running.at;
    running.at = time;
    facts = follow(rule.running, running, reading);
  }
  const derived: Derived = { kind: 'derived', offset, receivedAt, reading, previousAt, running: facts };
  compute(rule.formulas, derived);
  recall(rule.remembered, key, rule.slot, derived);
  return derived;
}

function runningOf({ running, slot }: DerivedRule, key: KeyState, at: number): Running {
  const known = key.running[slot];
  if (known !== undefined) return known;
  const created = { at, detectors: running.map(({ detector }) => detector.create()) };
  key.running = withSlot(key.running, slot, created);
  return created;
}

function follow(facts: readonly RunningFact[], { detectors }: Running, reading: Reading): (FieldValue | undefined)[] {
  const values: (FieldValue | undefined)[] = [];
  for (let i = 0; i < facts.length; i++) {
    const { detector, read } = facts[i]!;
    const value = read(reading);
    values.push(value === undefined ? undefined : detector.next(detectors[i], value, reading.time));
  }
  return values;
}

/** Computes the calculated facts. Each may use the ones before it. */
export function compute<E extends { computed?: readonly (number | undefined)[] }>(
  formulas: readonly FormulaPlan<E>[],
  env: E,
): void {
  if (formulas.length === 0) return;
  const computed: (number | undefined)[] = [];
  env.computed = computed;
  for (let i = 0; i < formulas.length; i++) computed.push(formulas[i]!(env));
}

/**
 * Sets the previous values of the facts that a rule compares by `changed`, and remembers their present values. A fact without a value keeps its
 * previous one.
 */
export function recall<E extends { remembered?: readonly (FieldValue | null)[] }>(
  facts: readonly ((env: E) => FieldValue | undefined)[],
  key: KeyState,
  slot: number,
  env: E,
): void {
  if (facts.length === 0) return;
  const before = key.remembered[slot];
  const now: (FieldValue | null)[] = [];
  for (let i = 0; i < facts.length; i++) now.push(facts[i]!(env) ?? before?.[i] ?? null);
  if (before !== undefined) env.remembered = before;
  key.remembered = withSlot(key.remembered, slot, now);
}
