import type { JsonSchema } from '../../model/json-schema.ts';
import { DECORATOR_NAMES } from '../conditions/operators.ts';
import { ALL_OPERATOR_NAMES } from '../conditions/resolve-operator.ts';

const list = { type: 'array', items: { $ref: '#/definitions/condition' } } satisfies JsonSchema;

const annotations = {
  name: { type: 'string', minLength: 1, description: 'Name of the condition, for people.' },
  priority: {
    type: 'integer',
    minimum: 1,
    description: 'Order of evaluation in json-rules-engine. It does not change the result.',
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
  group('all', { ...list, title: 'a list of conditions', description: 'Holds when all of these conditions hold.' }),
  group('any', {
    ...list,
    title: 'a list of conditions',
    description: 'Holds when at least one of these conditions holds.',
  }),
  group('not', { $ref: '#/definitions/condition' }),
  group('condition', {
    title: 'the name of a shared condition',
    type: 'string',
    minLength: 1,
    maxLength: 128,
    description: 'Name of a condition in conditions.json, in the folder of the rules.',
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
      description: 'Name of a fact, of a field, or of an attribute of the device, such as device.limits.temp.',
      examples: [example.fact],
    },
    operator: {
      type: 'string',
      minLength: 1,
      description: `How to compare. It may begin with ${DECORATOR_NAMES.map((name) => `${name}:`).join(', ')}.`,
      examples: ['greaterThan', ...ALL_OPERATOR_NAMES.filter((name) => name !== 'greaterThan')],
    },
    value: {
      description:
        'What to compare with: a value; a list for in and notIn; [low, high] for between; the name of a list for inList and notInList; or {"fact": …} for another fact.',
      examples: [45, { fact: 'limit' }],
    },
    path: {
      type: 'string',
      minLength: 1,
      description: 'Path into a fact that is an object, as in json-rules-engine. It has no effect.',
    },
    params: { type: 'object', description: 'Parameters of the fact, as in json-rules-engine. They have no effect.' },
    ...annotations,
  },
} satisfies JsonSchema;

/** Schema of the top of a condition: `all`, `any`, `not` or `condition`, as in json-rules-engine. */
export const topConditionSchema = {
  title: '{"all": [ … ]}, {"any": [ … ]}, {"not": { … }} or {"condition": …}',
  anyOf: groups,
  examples: [{ all: [example] }],
} satisfies JsonSchema;

/** Schema of a condition inside another: a comparison, `all`, `any`, `not` or `condition`. */
export const conditionSchema = {
  title: '{"fact": …, "operator": …, "value": …}, {"all": [ … ]}, {"any": [ … ]}, {"not": { … }} or {"condition": …}',
  anyOf: [comparison, ...groups],
  examples: [example],
} satisfies JsonSchema;
