import type { JsonSchema } from '../model/json-schema.ts';

/** Schema of a path in a payload. */
export const pathSchema = {
  title: 'a path',
  type: 'string',
  pattern: '^(\\$\\.)?[^.]+(\\.[^.]+)*$',
  patternErrorMessage: 'Write keys and indexes with dots between them, like "meta.room" or "values.0.temp".',
  description: 'Path in the payload: keys and indexes with dots between them.',
  examples: ['data.t', 'values.0.temp'],
} satisfies JsonSchema;

const placeForms = [
  pathSchema,
  {
    title: '{"path": …}',
    type: 'object',
    description: 'A path in the payload.',
    required: ['path'],
    additionalProperties: false,
    properties: { path: pathSchema },
  },
  {
    title: '{"topic": …}',
    type: 'object',
    description: 'A placeholder of the topic.',
    required: ['topic'],
    additionalProperties: false,
    properties: {
      topic: {
        type: 'string',
        minLength: 1,
        description: 'Name of a placeholder of the topic, without braces.',
        examples: ['device'],
      },
    },
  },
] satisfies readonly JsonSchema[];

/** Schema of a place of a value: a path in the payload, or a placeholder of the topic. */
export const placeSchema = { title: 'a path, {"path": …} or {"topic": …}', anyOf: placeForms } satisfies JsonSchema;
