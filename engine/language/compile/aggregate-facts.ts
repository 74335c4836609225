import { type AggregateName, aggregates } from '../../aggregates/registry.ts';
import type { AggregateKind } from '../../model/aggregate.ts';
import type { FieldConfig } from '../../model/config.ts';
import type { FieldType, FieldValue } from '../../model/field.ts';
import type { Closed } from '../../model/item/window-result.ts';
import type { RuleFile } from '../../model/rule.ts';

/** An aggregate of a rule: a fact of its window, split into its parts. */
export interface AggregateFact {
  readonly name: string;
  readonly aggregate: AggregateName;
  readonly kind: AggregateKind;
  /** What it aggregates: the name of a field, a condition, or `true` for readings. */
  readonly of: unknown;
  readonly params: Readonly<Record<string, unknown>>;
}

/** The aggregates of a rule without faults, in the order of its facts. The aggregates of its window have the same order. */
export function aggregateFacts(facts: RuleFile['facts'] = {}): AggregateFact[] {
  return Object.entries(facts).flatMap(([name, spec]) => {
    const aggregate = aggregateOf(spec);
    if (aggregate === undefined) return [];
    const { [aggregate]: of, ...params } = spec as Readonly<Record<string, unknown>>;
    return [{ name, aggregate, kind: aggregates[aggregate], of, params }];
  });
}

/** The aggregate that a fact names; undefined if it is another kind of fact, such as the `min` of a list. */
export function aggregateOf(spec: object): AggregateName | undefined {
  for (const [key, of] of Object.entries(spec)) {
    if (Object.hasOwn(aggregates, key) && !Array.isArray(of)) return key as AggregateName;
  }
  return undefined;
}

/** Reads a fact from a closed window. */
export interface FactReader {
  readonly name: string;
  readonly type: FieldType;
  readonly get: (closed: Closed) => FieldValue | undefined;
}

/** Lists every name that the aggregates of a rule have, with its reader. An aggregate with several values has `NAME.0`, `NAME.1`, … */
export function readFacts(facts: RuleFile['facts'], fields: readonly FieldConfig[]): FactReader[] {
  return aggregateFacts(facts).flatMap(({ name, aggregate, kind, of, params }, i): FactReader[] => {
    const several = kind.facts?.(params);
    if (several !== undefined) {
      return Array.from({ length: several }, (_, at) => ({
        name: `${name}.${at}`,
        type: 'number',
        get: (closed) => (closed.facts[i] as readonly number[] | undefined)?.[at],
      }));
    }
    const keepsType = aggregate === 'first' || aggregate === 'last';
    const type = keepsType ? fields.find((known) => known.name === of)?.type : undefined;
    return [{ name, type: type ?? 'number', get: (closed) => closed.facts[i] as FieldValue | undefined }];
  });
}
