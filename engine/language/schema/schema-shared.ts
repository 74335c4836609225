import type { JsonSchema } from '../../model/json-schema.ts';
import { conditionSchema, topConditionSchema } from './schema-conditions.ts';

const member = {
  title: 'a text, a number, true or false',
  anyOf: [{ type: 'string', maxLength: 256 }, { type: 'number' }, { type: 'boolean' }],
  examples: ['press-1'],
} satisfies JsonSchema;

/** JSON Schema of the file of shared conditions and lists; the single source of `rules/conditions.schema.json`. */
export const sharedSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'shared conditions { … }',
  description: 'Conditions and lists that every rule of the folder can refer to by name.',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'This schema, for editors.', examples: ['./conditions.schema.json'] },
    conditions: {
      type: 'object',
      maxProperties: 200,
      additionalProperties: { ...topConditionSchema, description: 'The condition that {"condition": name} refers to.' },
      description: 'Conditions by name. In each rule that refers to one, it is evaluated with the facts of that rule.',
      examples: [{ isHot: { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] } }],
    },
    lists: {
      type: 'object',
      maxProperties: 200,
      additionalProperties: {
        title: 'a list of values',
        type: 'array',
        maxItems: 10_000,
        uniqueItems: true,
        items: member,
        description: 'Values among which inList and notInList look for a fact.',
        examples: [['press-1', 'press-2']],
      },
      description: 'Lists of values by name.',
      examples: [{ criticalDevices: ['press-1', 'press-2'] }],
    },
  },
  definitions: { condition: conditionSchema },
};
