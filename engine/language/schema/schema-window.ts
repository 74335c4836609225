import { durationOrZeroSchema, durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import type { WindowName } from '../../model/plan/window-plan.ts';
import { topConditionSchema } from './schema-conditions.ts';

const lateness = { ...durationOrZeroSchema, description: 'How long a window waits for late readings.', default: '0s' };

function windowOf(
  title: string,
  description: string,
  required: readonly string[],
  properties: Readonly<Record<string, JsonSchema>>,
): JsonSchema {
  const type = 'object';
  return { title, type, description, required, additionalProperties: false, properties: { ...properties, lateness } };
}

const edge = (description: string): JsonSchema => ({ ...topConditionSchema, description });
const longest = { ...durationSchema, description: 'Its longest length; then it closes.', examples: ['1h'] };

const forms: Readonly<Record<WindowName, JsonSchema>> = {
  tumbling: windowOf('{"tumbling": …}', 'One window after the other.', ['tumbling'], {
    tumbling: { ...durationSchema, description: 'Length of each window.' },
  }),
  hopping: windowOf(
    '{"hopping": …, "every": …}',
    'Windows that overlap: of this length, one beginning every so often.',
    ['hopping', 'every'],
    {
      hopping: { ...durationSchema, description: 'Length of each window; a multiple of `every`.', examples: ['1m'] },
      every: {
        ...durationSchema,
        description: 'Time from the beginning of one window to that of the next.',
        examples: ['10s'],
      },
    },
  ),
  sliding: windowOf('{"sliding": …}', 'At each reading, the readings of the last so long.', ['sliding'], {
    sliding: {
      ...durationSchema,
      description: 'How long to look back, the reading itself included.',
      examples: ['1m'],
    },
  }),
  session: windowOf(
    '{"session": …}',
    'Readings that follow each other closely; it closes when none has come for this long.',
    ['session'],
    { session: { ...durationSchema, description: 'The gap that ends it.', examples: ['30s'] }, max: longest },
  ),
  count: windowOf('{"count": …}', 'So many readings; it closes with the last of them.', ['count'], {
    count: { type: 'integer', minimum: 1, maximum: 100_000, description: 'Readings in it.', examples: [100] },
    every: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description: 'Readings from one window to the next. Default: as many as are in it.',
      examples: [10],
    },
  }),
  state: windowOf('{"state": {"from": …, "until": …}}', 'From one condition to another.', ['state'], {
    state: {
      title: '{"from": …, "until": …}',
      type: 'object',
      description: 'The conditions, over single readings.',
      required: ['from', 'until'],
      additionalProperties: false,
      properties: {
        from: edge('The reading that opens the window.'),
        until: edge('The reading after it that closes the window, and is in it.'),
      },
      examples: [
        {
          from: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
          until: { all: [{ fact: 'temp', operator: 'lessThan', value: 60 }] },
        },
      ],
    },
    max: longest,
  }),
};

/** Schema of a rule's `window`. */
export const windowSchema = {
  title: `one of ${Object.values(forms)
    .map(({ title }) => title)
    .join(', ')}`,
  description: 'What readings are summed up over. Without it, conditions look at single readings.',
  anyOf: Object.values(forms),
  examples: [{ tumbling: '10s' }],
} satisfies JsonSchema;
