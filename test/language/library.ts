import { Engine, type RuleProperties } from 'json-rules-engine';
import type { FieldValue } from '../../engine/model/field.ts';
import type { TopCondition } from '../../engine/model/rule.ts';

/** Values of facts by name; what is missing is undefined. */
export type Facts = Readonly<Record<string, FieldValue | undefined>>;

/** The result of json-rules-engine for one condition: its result and those of all comparisons in order, or that its run was rejected. */
export type LibraryAnswer = { readonly result: boolean; readonly leaves: readonly LibraryLeaf[] } | 'rejected';

/** The result of one comparison; undefined if json-rules-engine skipped it because of a priority. */
export interface LibraryLeaf {
  readonly fact: string;
  readonly result: boolean | undefined;
}

type Shared = Readonly<Record<string, TopCondition>>;

/** Runs conditions through json-rules-engine, all in one run if none of them makes it reject. */
export async function askLibrary(
  conditions: readonly TopCondition[],
  shared: Shared,
  facts: Facts,
): Promise<LibraryAnswer[]> {
  try {
    return await runTogether(conditions, shared, facts);
  } catch (error) {
    if (conditions.length === 1) return error instanceof TypeError ? ['rejected'] : Promise.reject(error);
  }
  const answers = await Promise.all(conditions.map((condition) => askLibrary([condition], shared, facts)));
  return answers.flat();
}

async function runTogether(conditions: readonly TopCondition[], shared: Shared, facts: Facts) {
  const engine = new Engine([], { allowUndefinedFacts: true });
  // json-rules-engine modifies its input.
  for (const [name, condition] of Object.entries(structuredClone(shared))) {
    engine.setCondition(name, condition as RuleProperties['conditions']);
  }
  conditions.forEach((condition, index) => {
    const conditions = structuredClone(condition) as RuleProperties['conditions'];
    engine.addRule({ name: String(index), conditions, event: { type: 'held' } });
  });
  const { results, failureResults } = await engine.run(facts);
  const answers: LibraryAnswer[] = [];
  for (const { name, result, conditions } of [...results, ...failureResults]) {
    answers[Number(name)] = { result: result as boolean, leaves: leavesOf(conditions, shared) };
  }
  return answers;
}

function leavesOf(node: unknown, shared: Shared): LibraryLeaf[] {
  const { all, any, not, condition, fact, result } = node as Record<string, unknown>;
  const children = (all ?? any) as readonly unknown[] | undefined;
  if (children !== undefined) return children.flatMap((child) => leavesOf(child, shared));
  if (not !== undefined) return leavesOf(not, shared);
  // json-rules-engine replaces a shared condition when it evaluates it, so it skipped this one.
  if (condition !== undefined) return leavesOf(shared[condition as string], shared);
  return [{ fact: fact as string, result: result as boolean | undefined }];
}
