import { type AggregateName, aggregates } from '../aggregates/registry.ts';
import type { FieldConfig, StreamConfig } from '../model/config.ts';
import type { Closed } from '../model/item.ts';
import type { Path } from '../model/locate.ts';
import type { Keying, WindowPlan } from '../model/plan.ts';
import type { FieldType, FieldValue, Reading } from '../model/reading.ts';
import type { Fault } from '../model/report.ts';
import type { RuleFile } from '../model/rule.ts';
import { suggest } from '../model/suggest.ts';
import type { ConditionContext } from './conditions.ts';

/** Takes down a fault at a path of the rule. */
export type Report = (path: Path, fault: Omit<Fault, 'path'>) => void;

/** The names that conditions and messages may use, and how each is read from what is judged. */
export interface Scope<E> extends ConditionContext<E> {
  readonly names: readonly string[];
  typeOf(fact: string): FieldType | undefined;
}

type Entry<E> = { readonly type: FieldType; readonly get: (env: E) => FieldValue | undefined };

function scopeOf<E>(entries: ReadonlyMap<string, Entry<E>>): Scope<E> {
  return {
    names: [...entries.keys()],
    resolve: (name) => entries.get(name)?.get,
    typeOf: (name) => entries.get(name)?.type,
  };
}

/** A single reading: its fields, its device and its labels. A field hides a label of the same name. */
export function readingScope(stream: StreamConfig): Scope<Reading> {
  const entries = new Map<string, Entry<Reading>>([['device', { type: 'string', get: (reading) => reading.device }]]);
  stream.labels.forEach(({ name }, i) => {
    entries.set(name, { type: 'string', get: (reading) => reading.labels[i] });
  });
  stream.fields.forEach(({ name, type }, i) => {
    entries.set(name, { type, get: (reading) => reading.values[i] });
  });
  return scopeOf(entries);
}

/** A closed window: its facts, and the parts of its key. */
export function windowScope(rule: RuleFile, keying: Keying, fields: readonly FieldConfig[]): Scope<Closed> {
  const entries = new Map<string, Entry<Closed>>();
  keying.per.forEach((name, i) => {
    entries.set(name, { type: 'string', get: (closed) => closed.key.parts[i] });
  });
  Object.entries(rule.facts ?? {}).forEach(([name, spec], i) => {
    const [aggregate, field] = Object.entries(spec)[0]!;
    const keepsType = aggregate === 'first' || aggregate === 'last';
    const type = keepsType ? (fields.find((known) => known.name === field)?.type ?? 'number') : 'number';
    entries.set(name, { type, get: (closed) => closed.facts[i] });
  });
  return scopeOf(entries);
}

/** The rule's facts as aggregates over field indexes; reports fields that do not exist or do not fit. */
export function planAggregates(rule: RuleFile, stream: StreamConfig, report: Report): WindowPlan['aggregates'] {
  return Object.entries(rule.facts ?? {}).map(([fact, spec]) => {
    const [name, field] = Object.entries(spec)[0]!;
    const aggregate = aggregates[name as AggregateName];
    if (field === true) return { aggregate, field: -1 };
    const index = stream.fields.findIndex((known) => known.name === field);
    const known = stream.fields[index];
    const path = ['facts', fact, name];
    if (known === undefined) {
      const names = stream.fields.map((each) => each.name);
      const close = suggest(field, names);
      report(path, {
        code: 'unknown-field',
        message: `stream "${stream.name}" has no field "${field}"`,
        remedy: close === undefined ? `Its fields are: ${names.join(', ')}.` : `Did you mean "${close}"?`,
      });
    } else if (!aggregate.accepts.some((type) => type === known.type)) {
      report(path, {
        code: 'wrong-type',
        message: `"${name}" cannot sum up "${field}", which is a ${known.type}`,
        remedy: `It takes a field of type ${aggregate.accepts.filter((type) => type !== 'none').join(' or ')}.`,
      });
    }
    return { aggregate, field: index };
  });
}
