import { hasType, type JsonSchema } from '../model/json-schema.ts';
import type { Path } from './document.ts';
import { type Fault, formatPath, showValue } from './fault.ts';
import { exampleOf, nameSchema } from './schema-faults.ts';
import { suggest } from './suggest.ts';

/** Checks a value against a schema, and adds the faults to `faults`. */
export type Check = (schema: JsonSchema, value: unknown, path: Path, faults: Fault[]) => void;

/**
 * Checks a value that may have one of several forms (`anyOf`). There are no faults if it has one of them. If not, the faults are those of
 * the form that the author most likely meant; the other forms add none.
 */
export function chooseBranch(
  check: Check,
  schema: JsonSchema,
  branches: readonly JsonSchema[],
  value: unknown,
  path: Path,
): Fault[] {
  const typed = branches.filter((branch) => branch.anyOf !== undefined || hasType(value, branch.type));
  if (typed.length === 0) return [noMatchingForm(schema, branches, value, path)];
  let best: { branch: JsonSchema; faults: Fault[]; score: number } | undefined;
  for (const branch of likelyFirst(typed, value)) {
    const faults: Fault[] = [];
    check(branch, value, path, faults);
    if (faults.length === 0) return faults;
    const score = typed.length === 1 ? 1 : matchScore(branch, value);
    const better = best === undefined || score > best.score;
    if (better || (score === best?.score && faults.length < best.faults.length)) best = { branch, faults, score };
  }
  if (best === undefined || best.score === 0) return [noMatchingForm(schema, branches, value, path)];
  return best.faults.map((fault) => explainExclusive(fault, best.branch, branches, path));
}

/** Checking forms that do not fit is expensive. So the form that has all its required keys comes first; mostly no other is needed. */
function* likelyFirst(branches: readonly JsonSchema[], value: unknown): Generator<JsonSchema> {
  const likely = branches.length > 1 ? branches.find((branch) => isComplete(branch, value)) : undefined;
  if (likely !== undefined) yield likely;
  for (const branch of branches) if (branch !== likely) yield branch;
}

function isComplete({ required = [] }: JsonSchema, value: unknown): boolean {
  return hasType(value, 'object') && required.every((key) => Object.hasOwn(value as object, key));
}

/** How well an object matches a form: 2 for each required key that it has, 1 for each that is mistyped. Other values always score 1. */
function matchScore(branch: JsonSchema, value: unknown): number {
  if (!hasType(value, 'object')) return 1;
  const keys = Object.keys(value as object);
  let score = 0;
  for (const required of branch.required ?? []) {
    if (keys.includes(required)) score += 2;
    else if (suggest(required, keys) !== undefined) score += 1;
  }
  return score;
}

/** A key that belongs to another form is not an unknown key: the two keys exclude each other. */
function explainExclusive(fault: Fault, chosen: JsonSchema, branches: readonly JsonSchema[], path: Path): Fault {
  const key = fault.path[path.length];
  if (fault.code !== 'unknown-key' || fault.path.length !== path.length + 1 || typeof key !== 'string') return fault;
  if (!branches.some((branch) => Object.hasOwn(branch.properties ?? {}, key))) return fault;
  const own = chosen.required?.[0] ?? nameSchema(chosen);
  const message = `\`${key}\` cannot be combined with \`${own}\`${path.length === 0 ? '' : ` in ${formatPath(path)}`}.`;
  return { ...fault, code: 'exclusive-keys', message, remedy: `Keep \`${own}\` or \`${key}\`, not both.` };
}

/** From this number of forms on, the title does not name each of them, so the remedy lists their keys. */
const MANY_FORMS = 7;

/** Lists the keys that distinguish the forms, for an object that has none of them. */
function listForms(branches: readonly JsonSchema[], value: unknown): string {
  if (branches.length < MANY_FORMS || !hasType(value, 'object')) return '';
  return ` Allowed keys: ${[...new Set(branches.flatMap(({ required = [] }) => required.slice(0, 1)))].join(', ')}.`;
}

function noMatchingForm(schema: JsonSchema, branches: readonly JsonSchema[], value: unknown, path: Path): Fault {
  const forms = schema.title ?? [...new Set(branches.map(nameSchema))].join(', or ');
  const secret = branches.some((branch) => branch.writeOnly === true) && typeof value !== 'object';
  const found = secret ? `a ${typeof value}` : showValue(value);
  const message = `${formatPath(path)} must be ${forms}; found ${found}.`;
  const example = schema.examples === undefined ? branches.find((branch) => branch.examples !== undefined) : schema;
  return { code: 'wrong-type', path, message, remedy: `${exampleOf(example ?? schema)}${listForms(branches, value)}` };
}
