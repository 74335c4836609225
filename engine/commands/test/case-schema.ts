import type { JsonSchema } from '../../model/json-schema.ts';
import { expectationSchemas } from './expectation-schemas.ts';
import { instantSchema } from './schema-instant.ts';
import { stepSchema } from './step-schema.ts';

const rule = {
  type: 'object',
  description:
    'A rule as in a rule file. `name` (default "rule"), `stream` (default: the first one) and `event` are optional; with facts and without conditions it is a view.',
  examples: [{ conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 30 }] } }],
} satisfies JsonSchema;

const testCase = {
  title: 'a case { … }',
  type: 'object',
  description: 'The input, and the exact output: no more, no less.',
  required: ['about', 'readings'],
  additionalProperties: false,
  properties: {
    about: {
      type: 'string',
      minLength: 1,
      description: 'What the case shows, as a sentence.',
      examples: ['A window closes with the first reading after its end'],
    },
    rule: { ...rule, description: `The rule. ${rule.description}` },
    rules: {
      type: 'array',
      minItems: 1,
      items: rule,
      description: 'Several rules, in place of `rule`.',
      examples: [[]],
    },
    shared: {
      type: 'object',
      description: 'Conditions and lists that the rules refer to by name, as in conditions.json.',
      examples: [{ lists: { critical: ['d1'] } }],
    },
    start: {
      title: 'an instant in UTC',
      type: 'string',
      pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?Z$',
      patternErrorMessage: 'Write it like "2026-01-01T00:00:00Z" or "2026-01-01T00:00:00.250Z".',
      description: 'The instant of "0s".',
      default: '2026-01-01T00:00:00Z',
    },
    ticks: {
      type: 'boolean',
      description: 'Whether there is a tick at every full second, before all other actions at this time.',
      default: true,
    },
    until: { ...instantSchema, description: 'When the case ends. Default: at the last step.', examples: ['30s'] },
    readings: {
      title: 'a list of steps',
      type: 'array',
      items: stepSchema,
      description: 'The steps, in the order of arrival; steps that arrive at the same time keep the order of the list.',
      examples: [[{ at: '0s', temp: 20 }]],
    },
    ...expectationSchemas,
  },
} satisfies JsonSchema;

/** JSON Schema of a file of cases; the single source of `test/language/case.schema.json`. */
export const caseSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'a file of cases {"cases": [ … ]}',
  description: 'Cases that test rules.',
  type: 'object',
  required: ['cases'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'This schema, for editors.', examples: ['./case.schema.json'] },
    about: { type: 'string', description: 'What the cases of this file have in common.' },
    cases: { type: 'array', minItems: 1, items: testCase, description: 'The cases.', examples: [[]] },
  },
};
