import type { AggregateName } from '../../aggregates/registry.ts';
import type { StreamConfig } from '../../model/config.ts';
import { formatDuration, parseDuration } from '../../model/duration.ts';
import type { Calculation, Operand, RuleFile } from '../../model/rule.ts';
import { isCalculation, splitCalculation } from '../calculations/arithmetic.ts';
import { aggregateFacts } from './aggregate-facts.ts';
import { DURATION } from './plan-sequence.ts';
import { runningFacts } from './running-facts.ts';

/** Aggregates whose value has the unit of their field. */
const KEEPS_UNIT: ReadonlySet<AggregateName> = new Set<AggregateName>([
  'sum',
  'mean',
  'min',
  'max',
  'range',
  'first',
  'last',
  'stddev',
  'median',
  'percentile',
  'timeWeightedMean',
]);

const SPANS: Readonly<Record<string, string>> = { '1s': 's', '1m': 'min', '1h': 'h', '1d': 'd' };

/** Finds the units of the values that alerts of a rule show, by name. Values without a unit, or without a certain one, are left out. */
export function unitsOf(rule: RuleFile, stream: StreamConfig): Readonly<Record<string, string>> {
  if (rule.silence !== undefined) return { silentFor: 's' };
  if (rule.sequence !== undefined) return { [DURATION]: 's' };
  const fields = new Map(
    stream.fields.flatMap(({ name, unit }) => (unit === undefined ? [] : [[name, unit] as const])),
  );
  const units = new Map(rule.window === undefined ? fields : []);
  const set = (name: string, unit: string | undefined) => unit !== undefined && units.set(name, unit);
  if (rule.window === undefined) {
    for (const { name, kind, of, spanMs } of runningFacts(rule.facts)) {
      const unit = fields.get(String(of));
      if (kind.unit === 's') set(name, 's');
      else if (kind.unit === 'field') set(name, unit);
      else if (kind.unit === 'field-per-span') set(name, perSpan(unit, spanMs));
    }
  } else {
    for (const { name, aggregate, of, params } of aggregateFacts(rule.facts)) {
      const unit = fields.get(String(of));
      if (KEEPS_UNIT.has(aggregate)) set(name, unit);
      if (aggregate === 'slope') set(name, perSpan(unit, parseDuration(String(params.per ?? '1s')) ?? 1_000));
    }
  }
  addCalculated(rule.facts, units);
  return Object.fromEntries(units);
}

function perSpan(unit: string | undefined, spanMs: number): string | undefined {
  const span = formatDuration(spanMs);
  return unit && `${unit}/${SPANS[span] ?? span}`;
}

function addCalculated(facts: RuleFile['facts'], units: Map<string, string>): void {
  const specs = new Map(Object.entries(facts ?? {}));
  const open = new Set<string>();
  const unitOf = (operand: Operand): string | undefined => {
    if (typeof operand === 'number') return undefined;
    if (typeof operand !== 'string') return unitOfCalculation(operand, unitOf);
    const spec = specs.get(operand);
    if (spec === undefined || !isCalculation(spec) || open.has(operand)) return units.get(operand);
    open.add(operand);
    const unit = unitOfCalculation(spec, unitOf);
    if (unit !== undefined) units.set(operand, unit);
    return unit;
  };
  for (const name of specs.keys()) unitOf(name);
}

/**
 * Sums and differences have a unit if all operands have the same one. Plain numbers are ignored in `min` and `max`. A plain number that is
 * added or multiplied may convert the unit, so the unit is then not certain.
 */
function unitOfCalculation(spec: Calculation, unitOf: (operand: Operand) => string | undefined): string | undefined {
  const { name, operands } = splitCalculation(spec);
  const limits = name === 'min' || name === 'max';
  if (!limits && !['add', 'subtract', 'abs', 'round'].includes(name)) return undefined;
  const counted = operands.filter(({ operand }) => !(limits && typeof operand === 'number'));
  const [unit, ...others] = counted.map(({ operand }) => unitOf(operand));
  return others.every((other) => other === unit) ? unit : undefined;
}
