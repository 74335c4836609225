import { durationOrZeroSchema, durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import type { WindowName } from '../../model/plan/window-plan.ts';
import { topConditionSchema } from './schema-conditions.ts';

const lateness = { ...durationOrZeroSchema, description: 'How long a window waits for late data.', default: '0s' };

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
const longest = { ...durationSchema, description: 'Maximum length of the window; then it closes.', examples: ['1h'] };

const forms: Readonly<Record<WindowName, JsonSchema>> = {
  tumbling: windowOf('{"tumbling": …}', 'One window after the other.', ['tumbling'], {
    tumbling: { ...durationSchema, description: 'Length of each window.' },
  }),
  hopping: windowOf(
    '{"hopping": …, "every": …}',
    'Windows that overlap: each has this length, and one begins at every interval.',
    ['hopping', 'every'],
    {
      hopping: { ...durationSchema, description: 'Length of each window; a multiple of `every`.', examples: ['1m'] },
      every: {
        ...durationSchema,
        description: 'Time from the beginning of one window to the beginning of the next.',
        examples: ['10s'],
      },
    },
  ),
  sliding: windowOf('{"sliding": …}', 'At each reading, the readings of the period before it.', ['sliding'], {
    sliding: {
      ...durationSchema,
      description: 'Length of the period; the reading itself is included.',
      examples: ['1m'],
    },
  }),
  session: windowOf(
    '{"session": …}',
    'Readings that follow each other closely. The window closes when no reading has come for this long.',
    ['session'],
    {
      session: { ...durationSchema, description: 'Gap between readings that ends the window.', examples: ['30s'] },
      max: longest,
    },
  ),
  count: windowOf('{"count": …}', 'A number of readings. The window closes with the last of them.', ['count'], {
    count: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description: 'Number of readings in the window.',
      examples: [100],
    },
    every: {
      type: 'integer',
      minimum: 1,
      maximum: 100_000,
      description:
        'Number of readings from the beginning of one window to the beginning of the next. Default: `count`.',
      examples: [10],
    },
  }),
  state: windowOf(
    '{"state": {"from": …, "until": …}}',
    'From a reading that meets one condition to a reading that meets another.',
    ['state'],
    {
      state: {
        title: '{"from": …, "until": …}',
        type: 'object',
        description: 'The conditions, over single readings.',
        required: ['from', 'until'],
        additionalProperties: false,
        properties: {
          from: edge('Condition of the reading that opens the window.'),
          until: edge('Condition of the later reading that closes the window. That reading is in the window.'),
        },
        examples: [
          {
            from: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
            until: { all: [{ fact: 'temp', operator: 'lessThan', value: 60 }] },
          },
        ],
      },
      max: longest,
    },
  ),
};

/** Schema of a rule's `window`. */
export const windowSchema = {
  title: `one of ${Object.values(forms)
    .map(({ title }) => title)
    .join(', ')}`,
  description: 'Which readings are aggregated together. Without it, conditions are evaluated for single readings.',
  anyOf: Object.values(forms),
  examples: [{ tumbling: '10s' }],
} satisfies JsonSchema;
