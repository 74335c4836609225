import type { Logic, Test } from './operators.ts';

/** The result of a condition for an environment; undefined if it is unknown. */
export function resultOf<E>({ holds, fails }: Logic<E>): (env: E) => boolean | undefined {
  return (env) => (holds(env) ? true : fails(env) ? false : undefined);
}

// An empty group always holds, as in json-rules-engine.
const ALWAYS: Logic<unknown> = { holds: () => true, fails: () => false };

/** The logic of a group that holds if all of its parts hold. */
export function allOf<E>(parts: readonly Logic<E>[]): Logic<E> {
  if (parts.length === 0) return ALWAYS;
  return { holds: every(parts.map(({ holds }) => holds)), fails: some(parts.map(({ fails }) => fails)) };
}

/** The logic of a group that holds if at least one of its parts holds. */
export function anyOf<E>(parts: readonly Logic<E>[]): Logic<E> {
  if (parts.length === 0) return ALWAYS;
  return { holds: some(parts.map(({ holds }) => holds)), fails: every(parts.map(({ fails }) => fails)) };
}

// Groups of two or three parts are written out: most have no more, and calls are faster than a loop over an array.
function every<E>(tests: readonly Test<E>[]): Test<E> {
  const [a, b, c] = tests;
  if (a === undefined) return () => true;
  if (b === undefined) return a;
  if (tests.length === 2) return (env) => a(env) && b(env);
  if (c !== undefined && tests.length === 3) return (env) => a(env) && b(env) && c(env);
  return (env) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(env)) return false;
    return true;
  };
}

function some<E>(tests: readonly Test<E>[]): Test<E> {
  const [a, b, c] = tests;
  if (a === undefined) return () => false;
  if (b === undefined) return a;
  if (tests.length === 2) return (env) => a(env) || b(env);
  if (c !== undefined && tests.length === 3) return (env) => a(env) || b(env) || c(env);
  return (env) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(env)) return true;
    return false;
  };
}
