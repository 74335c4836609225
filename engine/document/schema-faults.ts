import type { JsonSchema, JsonType } from '../model/json-schema.ts';
import type { Path } from './document.ts';
import { type Fault, formatPath, showValue } from './fault.ts';
import { suggest } from './suggest.ts';

const TYPE_NAMES: Readonly<Record<JsonType, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  object: 'an object { … }',
  array: 'a list [ … ]',
  null: 'null',
};

/** What a schema asks for, as a noun phrase. */
export function nameSchema(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  return schema.type === undefined ? 'another value' : TYPE_NAMES[schema.type];
}

/** How to write what a schema asks for, from its examples. */
export function exampleOf(schema: JsonSchema): string {
  const example = schema.examples?.[0] ?? schema.default ?? schema.enum?.[0];
  return example === undefined ? `Write ${nameSchema(schema)}.` : `Write it like ${JSON.stringify(example)}.`;
}

/** The found value for a message, or its mere kind where it may be a secret. */
export function found(schema: JsonSchema, value: unknown): string {
  if (schema.writeOnly === true && typeof value !== 'object') return `a ${typeof value}`;
  return showValue(value);
}

/** The fault of a value that has not the type its schema asks for. */
export function wrongType(schema: JsonSchema, value: unknown, path: Path): Fault {
  const message = `${formatPath(path)} must be ${nameSchema(schema)}; found ${found(schema, value)}.`;
  return { code: 'wrong-type', path, message, remedy: exampleOf(schema) };
}

/** The fault of a value that is none of those its schema lists. */
export function notAllowed(schema: JsonSchema, value: unknown, path: Path): Fault {
  const allowed = schema.enum ?? [schema.const ?? ''];
  const near = typeof value === 'string' ? suggest(value, allowed.map(String)) : undefined;
  const list = allowed.map((one) => JSON.stringify(one)).join(', ');
  const remedy = `${near === undefined ? '' : `Did you mean "${near}"? `}${allowed.length === 1 ? 'Only' : 'One of'} ${list}.`;
  return { code: 'bad-value', path, message: `${formatPath(path)} cannot be ${found(schema, value)}.`, remedy };
}

/** The fault of a key that its schema does not know; `meant` holds what other keys were meant to be. */
export function unknownKey(
  schema: JsonSchema,
  value: object,
  key: string,
  path: Path,
  meant: ReadonlySet<string>,
): Fault {
  const known = Object.keys(schema.properties ?? {}).filter((name) => name !== '$schema');
  const free = known.filter((name) => !Object.hasOwn(value, name) && !meant.has(name));
  const near = suggest(key, free);
  const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
  const remedy = `${near === undefined ? 'Remove it.' : `Did you mean \`${near}\`?`} Known here: ${known.join(', ')}.`;
  const message = `Unknown key \`${key}\`${where}.`;
  const fault: Fault = { code: 'unknown-key', path: [...path, key], which: 'key', message, remedy };
  return near === undefined ? fault : { ...fault, meant: near };
}

/** The fault of an object without a key that it needs; `schema` is the key's own. */
export function missingKey(schema: JsonSchema, key: string, path: Path): Fault {
  const purpose = schema.description === undefined ? '' : ` ${schema.description.split(/(?<=\.)\s/)[0]}`;
  const example = schema.examples?.[0] ?? schema.enum?.[0];
  const sample = example === undefined ? `Add \`${key}\`.` : `Add "${key}": ${JSON.stringify(example)}.`;
  const message = `${formatPath(path)} has no \`${key}\`.`;
  return { code: 'missing-key', path: [...path, key], which: 'key', message, remedy: `${sample}${purpose}` };
}
