import { durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';

/** Schema of a rule's `with`. */
export const withSchema = {
  title: '{"stream": …, "last": …}',
  type: 'object',
  description:
    'Another stream that the rule uses. Its fields are named with the stream first, like doors.open. Readings are matched by the names in `per`, which both streams must have.',
  required: ['stream'],
  additionalProperties: false,
  properties: {
    stream: {
      type: 'string',
      minLength: 1,
      description: 'Name of the other stream, or of a view.',
      examples: ['doors'],
    },
    last: {
      ...durationSchema,
      description:
        'Each reading gets the last known values of the other stream, if they are not older than this. Without it, readings of both streams enter the window.',
      examples: ['10m'],
    },
  },
  examples: [{ stream: 'doors', last: '10m' }],
} satisfies JsonSchema;
