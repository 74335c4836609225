import { durationOrZeroSchema, durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { topConditionSchema } from './schema-conditions.ts';

const within = {
  ...durationSchema,
  description: 'Maximum time (exclusive) since the last step before it that a reading met.',
  examples: ['5m'],
} satisfies JsonSchema;

const forms: readonly JsonSchema[] = topConditionSchema.anyOf;
const isNot = ({ required = [] }: JsonSchema) => required.includes('not');

/** The first step may be a `not` condition, and a later one a `not` step. In JSON only their position distinguishes them. */
const absence = {
  ...forms.find(isNot),
  title: '{"not": …}',
  description:
    'No reading may meet the condition until the next step is met or, at the end of the sequence, until the time is over.',
  properties: { ...forms.find(isNot)?.properties, within },
} satisfies JsonSchema;

const presence = {
  title: '{"then": …}',
  type: 'object',
  description: 'A later reading must meet the condition. Other readings in between have no effect.',
  required: ['then'],
  additionalProperties: false,
  properties: {
    // biome-ignore lint/suspicious/noThenProperty: this is the key that authors of rules write, not a function.
    then: { ...topConditionSchema, description: 'The condition that the reading must meet.' },
    within,
  },
} satisfies JsonSchema;

const example = [
  { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] },
  // biome-ignore lint/suspicious/noThenProperty: as above.
  { then: { all: [{ fact: 'humidity', operator: 'greaterThan', value: 80 }] }, within: '5m' },
  { not: { all: [{ fact: 'temp', operator: 'lessThan', value: 40 }] }, within: '10m' },
];

/** Schema of a rule's `sequence`. */
export const sequenceSchema = {
  title: 'a list of steps [{"all": [ … ]}, {"then": …}, …]',
  description:
    'Readings that meet one condition after the other. It replaces window, facts, conditions, levels, clear, for and silence.',
  type: 'array',
  minItems: 2,
  maxItems: 30,
  items: {
    title: 'a condition (first), {"then": …, "within": …} or {"not": …, "within": …}',
    anyOf: [presence, absence, ...forms.filter((form) => !isNot(form))],
    examples: [example[1]],
  },
  examples: [example],
} satisfies JsonSchema;

/** Schema of a rule's `lateness`. */
export const sequenceLatenessSchema = {
  ...durationOrZeroSchema,
  description: 'How long a sequence waits for readings that come out of order.',
  default: '0s',
} satisfies JsonSchema;
