import { hasType, type JsonSchema } from '../model/json-schema.ts';
import type { Path } from './document.ts';
import { type Fault, formatPath, showValue } from './fault.ts';
import { exampleOf, nameSchema } from './schema-faults.ts';
import { suggest } from './suggest.ts';

/** Adds to `faults` what is wrong with a value. */
export type Check = (schema: JsonSchema, value: unknown, path: Path, faults: Fault[]) => void;

/**
 * The faults of a value that may take one of several forms: none where it takes one of them,
 * else those of the form that its author most likely meant, so that the other forms make no noise.
 */
export function chooseBranch(
  check: Check,
  schema: JsonSchema,
  branches: readonly JsonSchema[],
  value: unknown,
  path: Path,
): Fault[] {
  const typed = branches.filter((branch) => branch.anyOf !== undefined || hasType(value, branch.type));
  if (typed.length === 0) return [noForm(schema, branches, value, path)];
  let best: { branch: JsonSchema; faults: Fault[]; likeness: number } | undefined;
  for (const branch of likelyFirst(typed, value)) {
    const faults: Fault[] = [];
    check(branch, value, path, faults);
    if (faults.length === 0) return faults;
    const likeness = typed.length === 1 ? 1 : countSigns(branch, value);
    const better = best === undefined || likeness > best.likeness;
    if (better || (likeness === best?.likeness && faults.length < best.faults.length))
      best = { branch, faults, likeness };
  }
  if (best === undefined || best.likeness === 0) return [noForm(schema, branches, value, path)];
  return best.faults.map((fault) => explainRival(fault, best.branch, branches, path));
}

/** Explaining why other forms do not fit is dear, so the form that the keys point to goes first, and mostly alone. */
function* likelyFirst(branches: readonly JsonSchema[], value: unknown): Generator<JsonSchema> {
  const likely = branches.length > 1 ? branches.find((branch) => isComplete(branch, value)) : undefined;
  if (likely !== undefined) yield likely;
  for (const branch of branches) if (branch !== likely) yield branch;
}

function isComplete({ required = [] }: JsonSchema, value: unknown): boolean {
  return hasType(value, 'object') && required.every((key) => Object.hasOwn(value as object, key));
}

/** How much an object looks like a form: two for each of its required keys, one for a mistyped one. Other values: always 1. */
function countSigns(branch: JsonSchema, value: unknown): number {
  if (!hasType(value, 'object')) return 1;
  const keys = Object.keys(value as object);
  let signs = 0;
  for (const required of branch.required ?? []) {
    if (keys.includes(required)) signs += 2;
    else if (suggest(required, keys) !== undefined) signs += 1;
  }
  return signs;
}

/** A key that belongs to another form is no unknown key: the two exclude each other. */
function explainRival(fault: Fault, chosen: JsonSchema, branches: readonly JsonSchema[], path: Path): Fault {
  const key = fault.path[path.length];
  if (fault.code !== 'unknown-key' || fault.path.length !== path.length + 1 || typeof key !== 'string') return fault;
  if (!branches.some((branch) => Object.hasOwn(branch.properties ?? {}, key))) return fault;
  const own = chosen.required?.[0] ?? nameSchema(chosen);
  const message = `\`${key}\` cannot stand beside \`${own}\`${path.length === 0 ? '' : ` in ${formatPath(path)}`}.`;
  return { ...fault, code: 'exclusive-keys', message, remedy: `Keep \`${own}\` or \`${key}\`, not both.` };
}

/** Forms that a title no longer names one by one. */
const MANY_FORMS = 7;

/** By what keys the forms are told apart, for an object that has none of them. */
function listForms(branches: readonly JsonSchema[], value: unknown): string {
  if (branches.length < MANY_FORMS || !hasType(value, 'object')) return '';
  return ` Known here: ${[...new Set(branches.flatMap(({ required = [] }) => required.slice(0, 1)))].join(', ')}.`;
}

function noForm(schema: JsonSchema, branches: readonly JsonSchema[], value: unknown, path: Path): Fault {
  const forms = schema.title ?? [...new Set(branches.map(nameSchema))].join(', or ');
  const secret = branches.some((branch) => branch.writeOnly === true) && typeof value !== 'object';
  const found = secret ? `a ${typeof value}` : showValue(value);
  const message = `${formatPath(path)} must be ${forms}; found ${found}.`;
  const example = schema.examples === undefined ? branches.find((branch) => branch.examples !== undefined) : schema;
  return { code: 'wrong-type', path, message, remedy: `${exampleOf(example ?? schema)}${listForms(branches, value)}` };
}
