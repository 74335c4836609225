import type { JsonSchema } from '../../model/json-schema.ts';
import { DECORATOR_NAMES } from '../conditions/operators.ts';
import { ALL_OPERATOR_NAMES } from '../conditions/resolve-operator.ts';

const list = { type: 'array', items: { $ref: '#/definitions/condition' } } satisfies JsonSchema;

const annotations = {
  name: { type: 'string', minLength: 1, description: 'Name of this condition, for people.' },
  priority: {
    type: 'integer',
    minimum: 1,
    description: "json-rules-engine's order of evaluation; it does not change the outcome.",
    default: 1,
  },
} satisfies Record<string, JsonSchema>;

function group(key: 'all' | 'any' | 'not' | 'condition', content: JsonSchema): JsonSchema {
  return {
    title: `{"${key}": …}`,
    type: 'object',
    required: [key],
    additionalProperties: false,
    properties: { [key]: content, ...annotations },
  };
}

const groups = [
  group('all', { ...list, title: 'a list of conditions', description: 'Holds when each of these does.' }),
  group('any', { ...list, title: 'a list of conditions', description: 'Holds when at least one of these does.' }),
  group('not', { $ref: '#/definitions/condition' }),
  group('condition', {
    title: 'the name of a shared condition',
    type: 'string',
    minLength: 1,
    maxLength: 128,
    description: 'Stands for a condition of conditions.json, in the folder of the rules.',
    examples: ['isHot'],
  }),
];

const example = { fact: 'temp', operator: 'greaterThan', value: 45 };

const comparison = {
  title: '{"fact": …, "operator": …, "value": …}',
  type: 'object',
  description: 'Compares a fact with a value.',
  required: ['fact', 'operator', 'value'],
  additionalProperties: false,
  properties: {
    fact: {
      type: 'string',
      minLength: 1,
      description: 'Fact of the window, field of the reading, or attribute of its device, as in device.limits.temp.',
      examples: [example.fact],
    },
    operator: {
      type: 'string',
      minLength: 1,
      description: `How to compare. May begin with ${DECORATOR_NAMES.map((name) => `${name}:`).join(', ')}.`,
      examples: ['greaterThan', ...ALL_OPERATOR_NAMES.filter((name) => name !== 'greaterThan')],
    },
    value: {
      description:
        'What to compare with: a value, a list for in and notIn, [low, high] for between, the name of a list for inList and notInList, or {"fact": …} for another fact.',
      examples: [45, { fact: 'limit' }],
    },
    path: { type: 'string', minLength: 1, description: "json-rules-engine's path into a fact that is an object." },
    params: { type: 'object', description: "json-rules-engine's parameters of the fact." },
    ...annotations,
  },
} satisfies JsonSchema;

/** Schema of what may stand at the top of conditions: json-rules-engine's `all`, `any`, `not` or `condition`. */
export const topConditionSchema = {
  title: '{"all": [ … ]}, {"any": [ … ]}, {"not": { … }} or {"condition": …}',
  anyOf: groups,
  examples: [{ all: [example] }],
} satisfies JsonSchema;

/** Schema of a condition inside others: a comparison, or again `all`, `any`, `not` or `condition`. */
export const conditionSchema = {
  title: '{"fact": …, "operator": …, "value": …}, {"all": [ … ]}, {"any": [ … ]}, {"not": { … }} or {"condition": …}',
  anyOf: [comparison, ...groups],
  examples: [example],
} satisfies JsonSchema;
