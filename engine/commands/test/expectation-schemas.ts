import type { JsonSchema } from '../../model/json-schema.ts';
import { instantSchema } from './schema-instant.ts';

const text = (description: string, example: string): JsonSchema => ({
  type: 'string',
  description,
  examples: [example],
});
const oneOf = (description: string, names: readonly string[]): JsonSchema => ({
  type: 'string',
  enum: names,
  description,
  examples: [names[0]],
});
const instant = (description: string): JsonSchema => ({ ...instantSchema, description });
const count = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description, examples: [1] });

const bounds = {
  title: '{"atLeast": 99, "atMost": 101}',
  type: 'object',
  description: 'Bounds of a value that is approximate; both belong to the range.',
  required: ['atLeast', 'atMost'],
  additionalProperties: false,
  properties: {
    atLeast: { type: 'number', description: 'The smallest value it may be.', examples: [99] },
    atMost: { type: 'number', description: 'The largest value it may be.', examples: [101] },
  },
} satisfies JsonSchema;

const facts = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: {
    title: 'a value, null, or {"atLeast": 99, "atMost": 101}',
    anyOf: [{ type: 'number' }, { type: 'string' }, { type: 'boolean' }, { type: 'null' }, bounds],
  },
  examples: [{ mean: 20 }],
});

const whose = {
  rule: text('Which rule. Default: the only one.', 'hot'),
  key: text('Which key. Default: that of readings that name neither device nor labels.', 'd1'),
};
const device = text('Which device. Default: d1.', 'd2');
const severity = oneOf('How bad it is.', ['info', 'warning', 'critical']);
const message = text('What it says.', 'd1 is hot');
const STATES = ['pending', 'firing', 'resolved', 'inactive'];

function list(
  description: string,
  required: readonly string[],
  properties: NonNullable<JsonSchema['properties']>,
): JsonSchema {
  const items = { type: 'object', required, additionalProperties: false, properties } satisfies JsonSchema;
  return { type: 'array', items, description, examples: [[]] };
}

/** Schemas of what a case expects. Each part is exact; one that is not there is not looked at. */
export const expectationSchemas = {
  windows: list('Every window that closes; of each key in order.', ['from', 'to'], {
    ...whose,
    from: instant('Its beginning.'),
    to: instant('Its end.'),
    facts: facts('Every fact of the rule; null for one without a value. Default: whatever they are.'),
    closed: instant('When what closes it arrives. Default: whenever.'),
  }),
  facts: list('Everything that views say; of each key in order.', ['at', 'facts'], {
    ...whose,
    at: instant('The end of its window, or the stamp of its reading.'),
    from: instant('The beginning of its window.'),
    facts: facts('Every fact of the view; null for one without a value.'),
  }),
  alerts: list('Every change of an alert; of each key in order. What is left out may be as it likes.', ['at', 'to'], {
    at: instant('When, by the stamps of the readings.'),
    to: oneOf('The new state.', STATES),
    ...whose,
    from: oneOf('The state before.', STATES),
    severity,
    previousSeverity: { ...severity, description: 'How bad it was.' },
    since: instant('When its conditions began to hold.'),
    recorded: instant('When what causes it arrives.'),
    message,
    reason: text('What ended it, where no outcome did.', 'gap'),
    suppressed: text('What keeps it from being told.', 'limit'),
    facts: facts('Facts that matter here; null for one without a value.'),
    evidence: {
      type: 'object',
      required: ['from', 'to'],
      additionalProperties: false,
      properties: { from: instant('The earliest of them.'), to: instant('The latest of them.') },
      description: 'The readings behind it.',
      examples: [{ from: '0s', to: '9s' }],
    },
  }),
  events: list('Every event of an alert that is told; of each key in order.', ['at', 'type'], {
    at: instant('Its time.'),
    type: oneOf('What it tells.', ['firing', 'resolved', 'repeat', 'flapping', 'limited']),
    ...whose,
    severity,
    message,
    reason: text('Why, where no outcome did it.', 'stable'),
    told: count('Of `limited`: alerts that were told.'),
    heldBack: count('Of `limited`: alerts that were not.'),
    keys: {
      type: 'array',
      items: text('A key.', 'd2'),
      description: 'Of `limited`: keys of those that were not.',
      examples: [['d2']],
    },
  }),
  devices: list('Every change of a device; of each device in order.', ['at', 'to'], {
    at: instant('When, by our clock.'),
    device,
    to: oneOf('What it is now.', ['online', 'offline']),
    reason: oneOf('How we know.', ['first-reading', 'reading', 'status', 'silence', 'last-will']),
  }),
  late: list('Every reading that was too late for all its windows.', ['at'], { at: instant('Its stamp.'), device }),
  rejected: list('Every reading that could not be taken.', ['at', 'reason'], {
    at: instant('When it arrives.'),
    reason: text('Why.', 'wrong-type'),
  }),
} satisfies Record<string, JsonSchema>;
