/** Makes a choice from a list of numbers: each is reduced below its bound. After the end of the list, it is 0. */
export type Choice = (bound: number) => number;

/** A choice that reads random numbers in order. */
export function choiceFrom(tape: readonly number[]): Choice {
  let index = 0;
  return (bound) => (tape[index++] ?? 0) % bound;
}

const VALUES = [
  null,
  true,
  false,
  0,
  1,
  -1,
  1.5,
  1e9,
  '',
  'a',
  '10s',
  '0s',
  '5MB',
  'a.b',
  '{device}',
  'mqtt://h:1',
  [],
  {},
  [1],
  ['a'],
  { path: 'a' },
  { a: 1 },
] as const;
const KEYS = [
  'url',
  'name',
  'topic',
  'path',
  'env',
  'all',
  'any',
  'not',
  'fact',
  'mean',
  'silence',
  'window',
  'toString',
  'x-y',
] as const;

/** A copy of a JSON value with one change: removed, replaced, renamed, added, doubled or slightly altered. */
export function mutate(value: unknown, choose: Choice): unknown {
  const copy = structuredClone(value);
  const holders: (Record<string, unknown> | unknown[])[] = [];
  collect(copy, holders);
  const holder = holders[choose(holders.length)];
  if (holder === undefined || choose(50) === 0) return structuredClone(VALUES[choose(VALUES.length)]);
  if (Array.isArray(holder)) mutateList(holder, choose);
  else mutateObject(holder, choose);
  return copy;
}

function collect(value: unknown, holders: (Record<string, unknown> | unknown[])[]): void {
  if (typeof value !== 'object' || value === null) return;
  holders.push(value as Record<string, unknown>);
  for (const inner of Object.values(value)) collect(inner, holders);
}

function mutateList(list: unknown[], choose: Choice): void {
  const index = choose(list.length + 1);
  const kind = choose(4);
  if (kind === 0) list.splice(index, 1);
  else if (kind === 1) list.splice(index, 0, structuredClone(list[choose(list.length || 1)] ?? 'a'));
  else list[index] = kind === 2 ? structuredClone(VALUES[choose(VALUES.length)]) : alter(list[index], choose);
}

function mutateObject(object: Record<string, unknown>, choose: Choice): void {
  const keys = Object.keys(object);
  const key = keys[choose(keys.length || 1)] ?? 'a';
  const kind = choose(5);
  if (kind === 0) delete object[key];
  else if (kind === 1) object[key] = structuredClone(VALUES[choose(VALUES.length)]);
  else if (kind === 2) object[KEYS[choose(KEYS.length)]!] = structuredClone(VALUES[choose(VALUES.length)]);
  else if (kind === 3) object[key] = alter(object[key], choose);
  else {
    object[`${key.slice(0, -2)}${key.slice(-1)}`] = object[key];
    delete object[key];
  }
}

function alter(value: unknown, choose: Choice): unknown {
  if (typeof value === 'number') return [value + 1, -value, value * 1e6, value / 7, String(value)][choose(5)];
  if (typeof value === 'boolean') return choose(2) === 0 ? !value : String(value);
  if (typeof value !== 'string') return [value];
  const at = choose(value.length + 1);
  return [
    value.slice(0, at) + value.slice(at + 1),
    `${value.slice(0, at)}${'. {}+#/$0é'[choose(10)]}${value.slice(at)}`,
    value + value,
    '',
  ][choose(4)];
}
