import { type Document, type Path, parseDocument } from '../../document/document.ts';
import { type Fault, locateFaults } from '../../document/fault.ts';
import type { Problem } from '../../document/problem.ts';
import { suggest } from '../../document/suggest.ts';
import { createValidator } from '../../document/validator.ts';
import { isObject, type JsonObject } from '../../model/json-object.ts';
import type { RuleFile } from '../../model/rule.ts';
import { ruleSchema } from '../schema/rule-schema.ts';
import { checkBounds } from './check-facts.ts';
import { checkKinds } from './check-kinds.ts';
import { checkLifecycle } from './check-lifecycle.ts';
import { checkSequence, checkSequenceAlone } from './check-sequence.ts';
import { checkFileSize, checkSize } from './check-size.ts';
import { checkEvent } from './check-view.ts';
import { checkWindow } from './check-window.ts';
import { checkWith } from './check-with.ts';

const validate = createValidator(ruleSchema);

/** Names that already have a meaning in messages and conditions. */
const RESERVED_NAMES = ['device', 'key'];
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** Keys that cannot be combined with `silence`. */
const EXCLUDED_BY_SILENCE = [
  'with',
  'window',
  'facts',
  'conditions',
  'levels',
  'clear',
  'where',
  'missing',
  'order',
] as const;
const PARAMS = ['severity', 'message'];
const MAX_BYTES = 262_144;

/**
 * Reads a rule file and checks everything that does not depend on the config.
 * `rule` is undefined exactly if one of the problems is an error. The file is plain JSON: no comments, no trailing commas.
 */
export function parseRuleFile(
  file: string,
  text: string,
): { rule: RuleFile | undefined; document: Document; problems: Problem[] } {
  const tooLarge = checkFileSize(file, text, MAX_BYTES);
  if (tooLarge !== undefined) return { rule: undefined, document: parseDocument(file, '{}'), problems: [tooLarge] };
  const document = parseDocument(file, text);
  if (document.broken) return { rule: undefined, document, problems: [...document.problems] };
  const faults = validate(document.value);
  if (isObject(document.value)) faults.push(...checkRule(document.value, faults));
  const problems = locateFaults(document, faults);
  const failed = problems.some((problem) => problem.severity === 'error');
  return { rule: failed ? undefined : (document.value as RuleFile), document, problems };
}

function checkRule(rule: JsonObject, structural: readonly Fault[]): Fault[] {
  const isSound = (key: string) => !structural.some((fault) => fault.path[0] === key);
  const meant = (key: string) => structural.some((fault) => fault.path.length === 1 && fault.meant === key);
  return [
    ...checkEvent(rule, meant),
    ...checkKind(rule, meant),
    ...(isSound('window') ? checkWindow(rule.window) : []),
    ...checkSequence(rule, isSound('sequence')),
    ...(isSound('with') ? checkWith(rule, (key) => Object.hasOwn(rule, key) || meant(key)) : []),
    ...(isObject(rule.facts) ? [...checkFactNames(rule.facts), ...checkBounds(rule.facts)] : []),
    ...checkLifecycle(rule),
    ...checkSize(rule),
    ...checkParams(rule),
  ];
}

/** Checks which keys can be combined: conditions with or without window and facts, or `silence` alone, or `sequence` alone. */
function checkKind(rule: JsonObject, meant: (key: string) => boolean): Fault[] {
  const has = (key: string) => Object.hasOwn(rule, key);
  if (has('sequence')) return checkSequenceAlone(rule);
  if (has('silence')) {
    return EXCLUDED_BY_SILENCE.filter(has).map((key) => {
      const message = `\`${key}\` cannot be combined with \`silence\`: a silent device sends no readings to evaluate.`;
      return keyFault('exclusive-keys', [key], message, `Remove \`${key}\`, or move it to another rule.`);
    });
  }
  const faults: Fault[] = [];
  if (has('window') && has('order')) {
    const message =
      '`order` cannot be combined with `window`: a window takes readings in the order of their timestamps.';
    const remedy = 'Remove `order`. Use `lateness` to make the window wait for older readings.';
    faults.push(keyFault('exclusive-keys', ['order'], message, remedy));
  }
  if (isObject(rule.facts)) faults.push(...checkKinds(rule.facts, has('window') || meant('window')));
  if (has('window') && !has('facts') && !meant('facts')) {
    const remedy = 'Add "facts": {"meanTemp": {"mean": "temp"}}.';
    faults.push(
      keyFault('missing-key', ['window'], 'The rule has a `window`, but no `facts` to calculate for it.', remedy),
    );
  }
  return faults;
}

function checkFactNames(facts: JsonObject): Fault[] {
  const faults: Fault[] = [];
  for (const name of Object.keys(facts)) {
    if (!IDENTIFIER.test(name)) {
      const remedy = 'Use at most 64 letters, digits and _. The first must not be a digit.';
      faults.push(
        keyFault('bad-name', ['facts', name], `\`${name.slice(0, 64)}\` is not a valid name for a fact.`, remedy),
      );
    } else if (RESERVED_NAMES.includes(name)) {
      const message = `The fact \`${name}\` has a reserved name.`;
      faults.push(
        keyFault(
          'reserved-name',
          ['facts', name],
          message,
          `Choose another name. Reserved: ${RESERVED_NAMES.join(', ')}.`,
        ),
      );
    }
  }
  return faults;
}

/** Warns of mistyped names in `params`. The schema cannot find them, because `params` may have any keys. */
function checkParams(rule: JsonObject): Fault[] {
  const params = isObject(rule.event) ? rule.event.params : undefined;
  if (!isObject(params)) return [];
  return Object.keys(params).flatMap((key): Fault[] => {
    const near = suggest(
      key,
      PARAMS.filter((name) => !Object.hasOwn(params, name)),
    );
    if (near === undefined || PARAMS.includes(key)) return [];
    const message = `\`${key}\` has no meaning for Weir, and is passed to receivers unchanged.`;
    return [
      { ...keyFault('near-miss', ['event', 'params', key], message, `Did you mean \`${near}\`?`), severity: 'warning' },
    ];
  });
}

function keyFault(code: string, path: Path, message: string, remedy: string): Fault {
  return { code, path, which: 'key', message, remedy };
}
