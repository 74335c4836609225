import type { FieldConfig, StreamConfig } from '../../model/config.ts';
import type { FieldType, FieldValue } from '../../model/field.ts';
import type { Closed } from '../../model/item/window-result.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { Reading } from '../../model/reading.ts';
import type { RuleFile } from '../../model/rule.ts';
import type { ConditionContext, Definitions } from '../conditions/conditions.ts';
import type { FactGetter } from '../conditions/operators.ts';
import { readFacts } from './aggregate-facts.ts';
import type { AttributePlaces } from './attribute-paths.ts';

/** The names that conditions and messages can use, and how each is read from the environment. */
export interface Scope<E> extends ConditionContext<E> {
  readonly names: readonly string[];
  typeOf(fact: string): FieldType | undefined;
}

/** How a name is read, and its type. Attributes have no known type. */
type Entry<E> = { readonly type?: FieldType; readonly get: (env: E) => FieldValue | undefined };

function scopeOf<E>(entries: ReadonlyMap<string, Entry<E>>, definitions: Definitions): Scope<E> {
  return {
    ...definitionsOf(definitions),
    names: [...entries.keys()],
    resolve: (name) => entries.get(name)?.get,
    typeOf: (name) => entries.get(name)?.type,
  };
}

/** The part that all scopes of a rule have in common. */
export function definitionsOf({ shared, lists, checked, missing }: Definitions): Definitions {
  return { shared, lists, checked, missing };
}

/** The scope of a single reading: its fields, its device (if it has one), its labels, and attributes. A field hides a label of the same name. */
export function readingScope(
  stream: StreamConfig,
  definitions: Definitions,
  hasDevice = true,
  attributes: AttributePlaces = new Map(),
): Scope<Reading> {
  const entries = new Map<string, Entry<Reading>>();
  if (hasDevice) entries.set('device', { type: 'string', get: (reading) => reading.device });
  stream.labels.forEach(({ name }, i) => {
    entries.set(name, { type: 'string', get: (reading) => reading.labels[i] });
  });
  stream.fields.forEach(({ name, type }, i) => {
    entries.set(name, { type, get: (reading) => reading.values[i] });
  });
  addAttributes(entries, attributes);
  return scopeOf(entries, definitions);
}

/** The scope of a closed window: its facts, the parts of its key, and attributes of its device. */
export function windowScope(
  rule: RuleFile,
  keying: Keying,
  fields: readonly FieldConfig[],
  definitions: Definitions,
  attributes: AttributePlaces = new Map(),
): Scope<Closed> {
  const entries = new Map<string, Entry<Closed>>();
  keying.per.forEach((name, i) => {
    entries.set(name, { type: 'string', get: (closed) => closed.key.parts[i] });
  });
  for (const { name, type, get } of readFacts(rule.facts, fields)) entries.set(name, { type, get });
  addAttributes(entries, attributes);
  return scopeOf(entries, definitions);
}

function addAttributes<E extends Pick<Reading, 'attributes'> | Pick<Closed, 'attributes'>>(
  entries: Map<string, Entry<E>>,
  attributes: AttributePlaces,
): void {
  for (const [name, place] of attributes) entries.set(name, { get: (env) => env.attributes?.[place] });
}

/** Extends a scope by `changed`. `remembered` lists the getters of the facts that `changed` is used with, in the order of their stored values. */
export function rememberingScope<E extends { remembered?: readonly (FieldValue | null)[] }>(
  scope: Scope<E>,
): { scope: Scope<E>; remembered: readonly FactGetter<E>[] } {
  const remembered: FactGetter<E>[] = [];
  const places = new Map<string, number>();
  const previous = (name: string): FactGetter<E> => {
    const get = scope.resolve(name);
    const place = places.get(name) ?? remembered.push(get ?? (() => undefined)) - 1;
    places.set(name, place);
    return (env) => env.remembered?.[place] ?? undefined;
  };
  return { scope: { ...scope, previous }, remembered };
}
