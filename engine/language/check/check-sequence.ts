import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { formatDuration, parseDuration } from '../../model/duration.ts';
import { isObject, type JsonObject } from '../../model/json-object.ts';
import type { SequenceSpec } from '../../model/rule.ts';
import { conditionsOf, deadlineOf, lastMet } from '../compile/plan-sequence.ts';

const LONGEST_LATENESS_MS = 3_600_000;

/** Keys that cannot be combined with `sequence`, each with the reason and the remedy. */
const EXCLUDED: Readonly<Record<string, readonly [because: string, remedy: string]>> = {
  window: ['its steps are evaluated for single readings', 'Remove `window`. Use `within` to limit the time of a step.'],
  facts: ['its only fact is `duration`', 'Remove `facts`, or move them to another rule.'],
  conditions: ['its steps are its conditions', 'Move it into a step or into `where`.'],
  levels: ['it is complete or not, and has one severity', 'Remove `levels`, or write one rule for each level.'],
  silence: [
    'a silent device sends no reading that could meet a step',
    'Remove `silence`, or end with a step like {"not": …, "within": "10m"}.',
  ],
  clear: [
    'its alert ends with the next reading that does not complete it',
    'Remove `clear`. Use `keepFiring` to keep the alert open for longer.',
  ],
  order: [
    'it takes readings in the order of their timestamps',
    'Remove `order`. Use `lateness` to wait for older readings.',
  ],
  for: ['it is completed at one moment', 'Remove `for`, or end with a step like {"not": …, "within": "10m"}.'],
};

/** Reports keys that cannot be combined with `sequence`. */
export function checkSequenceAlone(rule: JsonObject): Fault[] {
  return Object.entries(EXCLUDED)
    .filter(([key]) => Object.hasOwn(rule, key))
    .map(([key, [because, remedy]]) => {
      const message = `\`${key}\` cannot be combined with \`sequence\`: ${because}.`;
      return { code: 'exclusive-keys', path: [key], which: 'key', message, remedy };
    });
}

/** Checks what the schema cannot express about the steps of a sequence; `isSound` says that their structure is valid. */
export function checkSequence({ sequence, lateness, window }: JsonObject, isSound: boolean): Fault[] {
  if (sequence === undefined) return lateness === undefined ? [] : [strayLateness(window)];
  const waitMs = typeof lateness === 'string' ? parseDuration(lateness) : undefined;
  const faults: Fault[] = [];
  if (waitMs !== undefined && waitMs > LONGEST_LATENESS_MS) {
    const message = `The \`lateness\` of ${lateness} is too long for a sequence.`;
    faults.push(fault(['lateness'], 'value', message, `The maximum is "${formatDuration(LONGEST_LATENESS_MS)}".`));
  }
  if (!Array.isArray(sequence)) return faults;
  const misplaced = sequence.flatMap((step: unknown, i) => (isObject(step) ? checkPlace(step, i) : []));
  faults.push(...misplaced);
  if (!isSound || misplaced.length > 0) return faults;
  return [...faults, ...checkAbsences(sequence as unknown as SequenceSpec)];
}

function strayLateness(window: unknown): Fault {
  const message = '`lateness` needs a `sequence`, but the rule has none.';
  const remedy =
    window === undefined
      ? 'Remove it: without a window, each reading is evaluated when it arrives.'
      : 'Move it into `window`.';
  return fault(['lateness'], 'key', message, remedy);
}

/** The first step must be a condition. Each other step must say how it follows: `then` or `not`. */
function checkPlace(step: JsonObject, i: number): Fault[] {
  const path = ['sequence', i];
  if (i > 0) {
    if (!['all', 'any', 'condition', 'fact'].some((key) => Object.hasOwn(step, key))) return [];
    if (Object.hasOwn(step, 'then') || Object.hasOwn(step, 'not')) return [];
    const message = `Step ${i + 1} does not say how it follows the step before it.`;
    return [fault(path, 'value', message, 'Wrap its condition: {"then": {"all": [ … ]}} or {"not": {"all": [ … ]}}.')];
  }
  if (Object.hasOwn(step, 'then')) {
    const message = 'The first step has no step before it, so it cannot be a `then`.';
    return [fault([...path, 'then'], 'key', message, 'Write only its condition: {"all": [ … ]}.')];
  }
  if (!Object.hasOwn(step, 'within')) return [];
  const message = '`within` counts from the step before, and the first step has none.';
  return [fault([...path, 'within'], 'key', message, 'Move it to the next step.')];
}

function checkAbsences(steps: SequenceSpec): Fault[] {
  const last = lastMet(steps);
  const conditions = conditionsOf(steps).map((condition) => JSON.stringify(condition));
  return steps.flatMap((step, i): Fault[] => {
    const path = ['sequence', i];
    if (i === lastMet(steps, i)) return [];
    if (i > last) return deadlineOf(steps, i) === undefined ? [missingDeadline(path)] : [];
    if (Object.hasOwn(step, 'within')) {
      const message = 'A `not` between two steps lasts until the second step is met, so `within` has no effect there.';
      return [fault([...path, 'within'], 'key', message, 'Move it to the next `then`.')];
    }
    const next = steps.findIndex((_, at) => at > i && at === lastMet(steps, at));
    return conditions[i] === conditions[next] || conditions[i] === conditions[lastMet(steps, i)]
      ? [uselessAbsence(path, conditions[i] === conditions[next])]
      : [];
  });
}

function missingDeadline(path: Path): Fault {
  const message = 'This `not` at the end has no time limit: neither it nor a step before it has a `within`.';
  return { ...fault(path, 'value', message, 'Add "within": "10m".'), code: 'no-deadline' };
}

function uselessAbsence(path: Path, isNext: boolean): Fault {
  const message = isNext
    ? 'This `not` has no effect: a reading that meets it also meets the next step.'
    : 'This `not` has no effect: a reading that meets it also meets the step before it again.';
  return { ...fault(path, 'value', message, 'Remove it.'), code: 'no-effect', severity: 'warning' };
}

function fault(path: Path, which: 'key' | 'value', message: string, remedy: string): Fault {
  return { code: 'bad-sequence', path, which, message, remedy };
}
