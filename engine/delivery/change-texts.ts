import type { FieldValue } from '../model/field.ts';
import type { Notice, Transition } from '../model/item/alert.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import { cutText, SHOWN_TEXT_BYTES } from './cut-text.ts';
import { jsonValue } from './json-text.ts';

/** What the texts of a change need of its rule. */
export type MessageRule = Pick<RulePlan, 'message'> & { readonly keying: Pick<RulePlan['keying'], 'per'> };

/** Texts that the event and the row of a change share. */
export interface ChangeTexts {
  /** The rule for which they were made. */
  readonly rule: MessageRule;
  readonly message: string;
  /** Name and value of each fact; the value as JSON. */
  readonly facts: readonly (readonly [name: string, json: string])[];
  /** JSON. */
  readonly conditions: string;
}

/** Where a change keeps its texts. They are no part of it: they follow from its fields. */
const TEXTS = Symbol('texts');

/** The texts of a change. They are made when the event or the row first needs them, and kept for the other. */
export function textsOf(change: (Transition | Notice) & { [TEXTS]?: ChangeTexts }, rule: MessageRule): ChangeTexts {
  const known = change[TEXTS];
  if (known?.rule === rule) return known;
  const texts = {
    rule,
    message: alertMessage(change, rule),
    facts: Object.entries(change.facts).map(([name, value]) => [name, jsonValue(value)] as const),
    conditions: JSON.stringify(change.conditions),
  };
  change[TEXTS] = texts;
  return texts;
}

/**
 * The message of the alert at this change: the rule's message with the facts, the parts of the key and the severity filled in. A long text is
 * cut, because a message may contain it a hundred times.
 */
export function alertMessage({ key, facts, severity }: Transition | Notice, rule: MessageRule): string {
  const { per } = rule.keying;
  return rule.message((name) => {
    if (Object.hasOwn(facts, name)) return shown(facts[name]);
    const part = per.lastIndexOf(name);
    if (part >= 0) return key.parts[part] ?? '';
    if (name === 'key') return key.text;
    return name === 'severity' ? severity : undefined;
  });
}

function shown(value: FieldValue | null | undefined): FieldValue | undefined {
  return typeof value === 'string' ? cutText(value, SHOWN_TEXT_BYTES) : (value ?? undefined);
}
