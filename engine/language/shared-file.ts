import { type Document, parseDocument } from '../document/document.ts';
import { type Fault, locateFaults } from '../document/fault.ts';
import type { Problem } from '../document/problem.ts';
import { createValidator } from '../document/validator.ts';
import type { SharedFile } from '../model/rule.ts';
import { checkFileSize } from './check/check-size.ts';
import { compileCondition, type Definitions } from './conditions/conditions.ts';
import { type Uses, usesOf } from './conditions/uses.ts';
import { sharedSchema } from './schema/schema-shared.ts';

const validate = createValidator(sharedSchema);

const MAX_BYTES = 1_048_576;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** The conditions and lists that the rules of a folder share, with their positions in the file. */
export interface Shared extends Definitions {
  readonly conditions: NonNullable<SharedFile['conditions']>;
  readonly lists: NonNullable<SharedFile['lists']>;
  readonly document: Document;
}

/**
 * Reads the file of shared conditions and lists, and checks everything that does not depend on the facts of a rule.
 * `shared` is given if the structure is valid, even if there are other errors, so that rules do not get errors for names that exist.
 */
export function parseSharedFile(file: string, text: string): { shared: Shared | undefined; problems: Problem[] } {
  const tooLarge = checkFileSize(file, text, MAX_BYTES);
  if (tooLarge !== undefined) return { shared: undefined, problems: [tooLarge] };
  const document = parseDocument(file, text);
  if (document.broken) return { shared: undefined, problems: [...document.problems] };
  const faults = validate(document.value);
  if (faults.length > 0) return { shared: undefined, problems: locateFaults(document, faults) };
  const { conditions = {}, lists = {} } = document.value as SharedFile;
  const shared = { conditions, lists, shared: conditions, checked: true, document };
  const found = [...checkNames('conditions', conditions), ...checkNames('lists', lists), ...checkConditions(shared)];
  return { shared, problems: locateFaults(document, found) };
}

function checkNames(key: 'conditions' | 'lists', named: object): Fault[] {
  return Object.keys(named)
    .filter((name) => !NAME.test(name))
    .map((name) => ({
      code: 'bad-name',
      path: [key, name],
      which: 'key',
      message: `\`${name.slice(0, 64)}\` is not a valid name for a shared condition or list.`,
      remedy: 'Use at most 64 letters, digits, _ and -. The first must be a letter or _.',
    }));
}

/** Checks everything that does not depend on a rule. Every name of a fact is accepted, with any type: only a rule knows its facts. */
function checkConditions(shared: Shared): Fault[] {
  const getter = () => undefined;
  const { conditions, lists } = shared;
  const context = { ...shared, lists, resolve: () => getter, previous: () => getter };
  return Object.entries(conditions).flatMap(([name, condition]): Fault[] => [
    ...checkCircle(name, shared),
    ...compileCondition(condition, context).problems.map(({ path, ...problem }) => ({
      ...problem,
      path: ['conditions', name, ...path],
    })),
  ]);
}

/** Reports a circle at the first condition of the file that is in it. */
function checkCircle(name: string, shared: Shared): Fault[] {
  const circle = circleFrom(name, shared);
  if (circle === undefined || Object.keys(shared.conditions).find((each) => circle.includes(each)) !== name) return [];
  const message = `The shared condition refers to itself: ${circle.join(' → ')}.`;
  return [
    {
      code: 'circular-condition',
      path: ['conditions', name],
      which: 'key',
      message,
      remedy: 'Remove one of these references.',
    },
  ];
}

/** The names along the references from a shared condition back to itself; undefined if it does not refer to itself. */
function circleFrom(start: string, { conditions }: Shared): string[] | undefined {
  const seen = new Set<string>();
  const follow = (name: string, trail: readonly string[]): string[] | undefined => {
    if (seen.has(name) || !Object.hasOwn(conditions, name)) return undefined;
    seen.add(name);
    for (const next of usesOf(conditions[name], {}).conditions) {
      const way = next === start ? [...trail, name, start] : follow(next, [...trail, name]);
      if (way !== undefined) return way;
    }
    return undefined;
  };
  return follow(start, []);
}

/** Warns of shared conditions and lists that no rule refers to, directly or through a shared condition. */
export function findUnused({ conditions, lists, document }: Shared, uses: readonly Uses[]): Problem[] {
  const warn = (key: 'conditions' | 'lists', names: readonly string[], used: (use: Uses) => ReadonlySet<string>) =>
    names
      .filter((name) => !uses.some((use) => used(use).has(name)))
      .map((name): Fault => {
        const message = `No rule uses the ${key === 'lists' ? 'list' : 'condition'} \`${name}\`.`;
        const path = [key, name];
        return { code: 'unused', severity: 'warning', which: 'key', path, message, remedy: 'Use it, or remove it.' };
      });
  return locateFaults({ ...document, problems: [] }, [
    ...warn('conditions', Object.keys(conditions), (use) => use.conditions),
    ...warn('lists', Object.keys(lists), (use) => use.lists),
  ]);
}
