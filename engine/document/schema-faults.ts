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

/** Names what a schema requires, as a noun phrase. */
export function nameSchema(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  return schema.type === undefined ? 'another value' : TYPE_NAMES[schema.type];
}

/** Says how to write what a schema requires, from its examples. */
export function exampleOf(schema: JsonSchema): string {
  const example = schema.examples?.[0] ?? schema.default ?? schema.enum?.[0];
  return example === undefined ? `Write ${nameSchema(schema)}.` : `Write it like ${JSON.stringify(example)}.`;
}

/** Formats the found value for a message. If it may be a secret, only its type is shown. */
export function showFound(schema: JsonSchema, value: unknown): string {
  if (schema.writeOnly === true && typeof value !== 'object') return `a ${typeof value}`;
  return showValue(value);
}

/** Makes the fault of a value that does not have the type of its schema. */
export function wrongType(schema: JsonSchema, value: unknown, path: Path): Fault {
  const message = `${formatPath(path)} must be ${nameSchema(schema)}; found ${showFound(schema, value)}.`;
  return { code: 'wrong-type', path, message, remedy: exampleOf(schema) };
}

/** Makes the fault of a value that is not in the list of its schema. */
export function notAllowed(schema: JsonSchema, value: unknown, path: Path): Fault {
  const allowed = schema.enum ?? [schema.const ?? ''];
  const near = typeof value === 'string' ? suggest(value, allowed.map(String)) : undefined;
  const list = allowed.map((one) => JSON.stringify(one)).join(', ');
  const remedy = `${near === undefined ? '' : `Did you mean "${near}"? `}${allowed.length === 1 ? 'The only allowed value is' : 'Allowed values:'} ${list}.`;
  return { code: 'bad-value', path, message: `${formatPath(path)} cannot be ${showFound(schema, value)}.`, remedy };
}

/** Makes the fault of a key that its schema does not have. `meant` holds the keys that other mistyped keys most likely mean. */
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
  const remedy = `${near === undefined ? 'Remove it.' : `Did you mean \`${near}\`?`} Allowed keys: ${known.join(', ')}.`;
  const message = `Unknown key \`${key}\`${where}.`;
  const fault: Fault = { code: 'unknown-key', path: [...path, key], which: 'key', message, remedy };
  return near === undefined ? fault : { ...fault, meant: near };
}

/** Makes the fault of an object that lacks a required key; `schema` is the schema of that key. */
export function missingKey(schema: JsonSchema, key: string, path: Path): Fault {
  const purpose = schema.description === undefined ? '' : ` ${schema.description.split(/(?<=\.)\s/)[0]}`;
  const example = schema.examples?.[0] ?? schema.enum?.[0];
  const sample = example === undefined ? `Add \`${key}\`.` : `Add "${key}": ${JSON.stringify(example)}.`;
  const message = `${formatPath(path)} has no \`${key}\`.`;
  return { code: 'missing-key', path: [...path, key], which: 'key', message, remedy: `${sample}${purpose}` };
}
