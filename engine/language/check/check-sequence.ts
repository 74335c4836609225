import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { formatDuration, parseDuration } from '../../model/duration.ts';
import { isObject, type JsonObject } from '../../model/json-object.ts';
import type { SequenceSpec } from '../../model/rule.ts';
import { conditionsOf, deadlineOf, lastMet } from '../compile/plan-sequence.ts';

const LONGEST_LATENESS_MS = 3_600_000;

/** Keys that a sequence takes the place of: why, and what to write instead. */
const BESIDE: Readonly<Record<string, readonly [because: string, remedy: string]>> = {
  window: ['its steps look at single readings', 'Remove `window`; `within` says how long a step may take.'],
  facts: ['all that it knows is `duration`', 'Remove `facts`, or make them a rule of their own.'],
  conditions: ['its steps are its conditions', 'Make it a step, or put it into `where`.'],
  levels: ['it is completed or not, at one severity', 'Remove `levels`, or make each a rule of its own.'],
  silence: ['a silent device meets no step', 'Remove `silence`, or end with a step like {"not": …, "within": "10m"}.'],
  clear: [
    'its alert is over with the next reading that does not complete it',
    'Remove `clear`; `keepFiring` makes it last longer.',
  ],
  order: ['it takes readings in the order of their stamps', 'Remove `order`; `lateness` makes it wait for older ones.'],
  for: ['it is completed at one instant', 'Remove `for`, or end with a step like {"not": …, "within": "10m"}.'],
};

/** Keys that cannot stand beside a sequence. */
export function checkBesideSequence(rule: JsonObject): Fault[] {
  return Object.entries(BESIDE)
    .filter(([key]) => Object.hasOwn(rule, key))
    .map(([key, [because, remedy]]) => {
      const message = `\`${key}\` cannot stand beside \`sequence\`: ${because}.`;
      return { code: 'exclusive-keys', path: [key], which: 'key', message, remedy };
    });
}

/** What is wrong with the steps of a sequence beyond their structure; `isSound` tells that there is nothing wrong with that. */
export function checkSequence({ sequence, lateness, window }: JsonObject, isSound: boolean): Fault[] {
  if (sequence === undefined) return lateness === undefined ? [] : [strayLateness(window)];
  const waitMs = typeof lateness === 'string' ? parseDuration(lateness) : undefined;
  const faults: Fault[] = [];
  if (waitMs !== undefined && waitMs > LONGEST_LATENESS_MS) {
    const message = `A lateness of ${lateness} is more than a sequence may wait.`;
    faults.push(fault(['lateness'], 'value', message, `At most "${formatDuration(LONGEST_LATENESS_MS)}".`));
  }
  if (!Array.isArray(sequence)) return faults;
  const misplaced = sequence.flatMap((step: unknown, i) => (isObject(step) ? checkPlace(step, i) : []));
  faults.push(...misplaced);
  if (!isSound || misplaced.length > 0) return faults;
  return [...faults, ...checkAbsences(sequence as unknown as SequenceSpec)];
}

function strayLateness(window: unknown): Fault {
  const message = '`lateness` stands beside no `sequence`.';
  const remedy = window === undefined ? 'Remove it: each reading is looked at as it comes.' : 'Move it into `window`.';
  return fault(['lateness'], 'key', message, remedy);
}

/** The first step is a condition, and each other one says how it follows. */
function checkPlace(step: JsonObject, i: number): Fault[] {
  const path = ['sequence', i];
  if (i > 0) {
    if (!['all', 'any', 'condition', 'fact'].some((key) => Object.hasOwn(step, key))) return [];
    if (Object.hasOwn(step, 'then') || Object.hasOwn(step, 'not')) return [];
    const message = `Step ${i + 1} does not say how it follows the one before.`;
    return [fault(path, 'value', message, 'Wrap its condition: {"then": {"all": [ … ]}} or {"not": {"all": [ … ]}}.')];
  }
  if (Object.hasOwn(step, 'then')) {
    const message = 'The first step follows none, so it cannot be a `then`.';
    return [fault([...path, 'then'], 'key', message, 'Write its condition alone: {"all": [ … ]}.')];
  }
  if (!Object.hasOwn(step, 'within')) return [];
  const message = '`within` counts from the step before, and the first has none.';
  return [fault([...path, 'within'], 'key', message, 'Move it to the step that follows.')];
}

function checkAbsences(steps: SequenceSpec): Fault[] {
  const last = lastMet(steps);
  const conditions = conditionsOf(steps).map((condition) => JSON.stringify(condition));
  return steps.flatMap((step, i): Fault[] => {
    const path = ['sequence', i];
    if (i === lastMet(steps, i)) return [];
    if (i > last) return deadlineOf(steps, i) === undefined ? [endless(path)] : [];
    if (Object.hasOwn(step, 'within')) {
      const message = 'A `not` between two steps lasts until the second is met, so `within` means nothing there.';
      return [fault([...path, 'within'], 'key', message, 'Move it to the `then` that follows.')];
    }
    const next = steps.findIndex((_, at) => at > i && at === lastMet(steps, at));
    return conditions[i] === conditions[next] || conditions[i] === conditions[lastMet(steps, i)]
      ? [idle(path, conditions[i] === conditions[next])]
      : [];
  });
}

function endless(path: Path): Fault {
  const message = 'Nobody could tell when this `not` is over: neither it nor a step before it says within what time.';
  return { ...fault(path, 'value', message, 'Add "within": "10m".'), code: 'no-deadline' };
}

function idle(path: Path, isNext: boolean): Fault {
  const message = isNext
    ? 'This `not` breaks no sequence: a reading that meets it is the step that follows.'
    : 'This `not` breaks no sequence: a reading that meets it is the step before it, once more.';
  return { ...fault(path, 'value', message, 'Remove it.'), code: 'no-effect', severity: 'warning' };
}

function fault(path: Path, which: 'key' | 'value', message: string, remedy: string): Fault {
  return { code: 'bad-sequence', path, which, message, remedy };
}
