import { sortKeys } from '../model/json-object.ts';
import { hasType, type JsonSchema } from '../model/json-schema.ts';
import type { Path } from './document.ts';
import { type Fault, formatPath, showValue } from './fault.ts';
import { type Check, chooseBranch } from './schema-branches.ts';
import { exampleOf, missingKey, nameSchema, notAllowed, showFound, unknownKey, wrongType } from './schema-faults.ts';

/** Finds every fault of a JSON value against one schema. */
export type Validator = (value: unknown) => Fault[];

/** What all checks of one schema use. */
interface Context {
  readonly resolve: (schema: JsonSchema) => JsonSchema;
  readonly pattern: (source: string) => RegExp;
  readonly check: Check;
}

/** Makes the validator of a schema. `parseDocument` limits the nesting of a value, and so the recursion here. */
export function createValidator(root: JsonSchema): Validator {
  const patterns = new Map<string, RegExp>();
  const context: Context = {
    resolve: (schema) => {
      if (schema.$ref === undefined) return schema;
      const target = root.definitions?.[schema.$ref.slice('#/definitions/'.length)];
      if (target === undefined) throw new Error(`the schema refers to ${schema.$ref}, but does not define it`);
      return context.resolve(target);
    },
    pattern: (source) => {
      let compiled = patterns.get(source);
      if (compiled === undefined) {
        compiled = new RegExp(source, 'u');
        patterns.set(source, compiled);
      }
      return compiled;
    },
    check: (schema, value, path, faults) => checkValue(context, context.resolve(schema), value, path, faults),
  };
  return (value) => {
    const faults: Fault[] = [];
    context.check(root, value, [], faults);
    return faults;
  };
}

function checkValue(context: Context, schema: JsonSchema, value: unknown, path: Path, faults: Fault[]): void {
  if (schema.anyOf !== undefined) {
    faults.push(...chooseBranch(context.check, schema, schema.anyOf.map(context.resolve), value, path));
  } else if (!hasType(value, schema.type)) {
    faults.push(wrongType(schema, value, path));
  } else if (!isAllowed(schema, value)) {
    faults.push(notAllowed(schema, value, path));
  } else if (typeof value === 'string') {
    checkText(context, schema, value, path, faults);
  } else if (typeof value === 'number') {
    checkNumber(schema, value, path, faults);
  } else if (Array.isArray(value)) {
    checkList(context, schema, value, path, faults);
  } else if (typeof value === 'object' && value !== null) {
    checkObject(context, schema, value as Record<string, unknown>, path, faults);
  }
}

function isAllowed(schema: JsonSchema, value: unknown): boolean {
  if (schema.const !== undefined && value !== schema.const) return false;
  return schema.enum === undefined || schema.enum.includes(value as string);
}

function checkText(context: Context, schema: JsonSchema, value: string, path: Path, faults: Fault[]): void {
  const { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  const bounded = schema.minLength !== undefined || schema.maxLength !== undefined;
  // JSON Schema counts characters, not UTF-16 units.
  const length = bounded ? [...value].length : value.length;
  if (length < minLength) {
    const message = length === 0 ? `${formatPath(path)} is empty.` : `${formatPath(path)} is too short.`;
    faults.push({ code: 'empty', path, message, remedy: exampleOf(schema) });
  } else if (length > maxLength) {
    const message = `${formatPath(path)} has ${length} characters; the maximum is ${maxLength}.`;
    faults.push({ code: 'too-long', path, message, remedy: `Shorten it to ${maxLength} characters or fewer.` });
  }
  if (length >= minLength && pattern !== undefined && !context.pattern(pattern).test(value)) {
    faults.push(badFormat(context, schema, value, path));
  }
}

function badFormat(context: Context, schema: JsonSchema, value: string, path: Path): Fault {
  const { patternBounds, patternErrorMessage } = schema;
  const what = `${formatPath(path)} is ${showFound(schema, value)}`;
  if (patternBounds !== undefined && context.pattern(patternBounds.form).test(value)) {
    return { code: 'out-of-range', path, message: `${what}, which is out of range.`, remedy: patternBounds.range };
  }
  const message = `${what}, which is not ${nameSchema(schema)}.`;
  return { code: 'bad-format', path, message, remedy: patternErrorMessage ?? exampleOf(schema) };
}

function checkNumber(schema: JsonSchema, value: number, path: Path, faults: Fault[]): void {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  if (value >= minimum && value <= maximum) return;
  const limit = value < minimum ? `the minimum is ${minimum}` : `the maximum is ${maximum}`;
  const range =
    schema.maximum === undefined ? `Write at least ${minimum}.` : `Write a number from ${minimum} to ${maximum}.`;
  faults.push({
    code: 'out-of-range',
    path,
    message: `${formatPath(path)} is ${showFound(schema, value)}; ${limit}.`,
    remedy: range,
  });
}

function checkList(context: Context, schema: JsonSchema, value: readonly unknown[], path: Path, faults: Fault[]): void {
  checkSize(schema, value.length, schema.minItems, schema.maxItems, path, faults);
  const { items } = schema;
  if (items !== undefined) {
    for (const [index, item] of value.entries()) context.check(items, item, [...path, index], faults);
  }
  if (schema.uniqueItems !== true) return;
  const seen = new Set<string>();
  for (const [index, item] of value.entries()) {
    const text = JSON.stringify(sortKeys(item));
    if (seen.has(text)) {
      const message = `${formatPath(path)} contains ${showValue(item)} twice.`;
      faults.push({ code: 'duplicate-item', path: [...path, index], message, remedy: 'Remove one of the two.' });
    }
    seen.add(text);
  }
}

function checkSize(
  schema: JsonSchema,
  size: number,
  min = 0,
  max = Number.POSITIVE_INFINITY,
  path: Path,
  faults: Fault[],
): void {
  if (size < min) {
    const message =
      size === 0
        ? `${formatPath(path)} is empty.`
        : `${formatPath(path)} has ${countEntries(size)}; the minimum is ${min}.`;
    faults.push({ code: 'empty', path, message, remedy: exampleOf(schema) });
  } else if (size > max) {
    const message = `${formatPath(path)} has ${countEntries(size)}; the maximum is ${max}.`;
    faults.push({
      code: 'too-many',
      path,
      message,
      remedy: max === 1 ? `Keep one. ${exampleOf(schema)}` : `Keep at most ${max} entries.`,
    });
  }
}

const countEntries = (size: number): string => `${size} ${size === 1 ? 'entry' : 'entries'}`;

function checkObject(
  context: Context,
  schema: JsonSchema,
  value: Record<string, unknown>,
  path: Path,
  faults: Fault[],
): void {
  const { properties = {}, required = [], additionalProperties = true } = schema;
  const keys = Object.keys(value);
  checkSize(schema, keys.length, schema.minProperties, schema.maxProperties, path, faults);
  const meant = new Set<string>();
  for (const key of keys) {
    const property = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (property === false) checkUnknown(context, schema, value, key, path, meant, faults);
    else if (typeof property === 'object') context.check(property, value[key], [...path, key], faults);
  }
  for (const key of required) {
    // A mistyped key is one fault: the key that it most likely means is not reported as missing.
    if (!Object.hasOwn(value, key) && !meant.has(key)) faults.push(missingKey(properties[key] ?? {}, key, path));
  }
}

/** Reports an unknown key. The value of a mistyped key is checked as if the key were right, so that all faults are reported at once. */
function checkUnknown(
  context: Context,
  schema: JsonSchema,
  value: Record<string, unknown>,
  key: string,
  path: Path,
  meant: Set<string>,
  faults: Fault[],
): void {
  const fault = unknownKey(schema, value, key, path, meant);
  faults.push(fault);
  if (fault.meant === undefined) return;
  meant.add(fault.meant);
  context.check(schema.properties?.[fault.meant] ?? {}, value[key], [...path, key], faults);
}
