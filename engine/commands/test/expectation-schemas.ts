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
  description: 'Bounds of an approximate value; both are inclusive.',
  required: ['atLeast', 'atMost'],
  additionalProperties: false,
  properties: {
    atLeast: { type: 'number', description: 'The smallest accepted value.', examples: [99] },
    atMost: { type: 'number', description: 'The largest accepted value.', examples: [101] },
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
  rule: text('Name of the rule. Default: the only one.', 'hot'),
  key: text('The key. Default: the key of readings that name neither device nor labels.', 'd1'),
};
const device = text('The device. Default: d1.', 'd2');
const severity = oneOf('The severity.', ['info', 'warning', 'critical']);
const message = text('The message.', 'd1 is hot');
const STATES = ['pending', 'firing', 'resolved', 'inactive'];

function list(
  description: string,
  required: readonly string[],
  properties: NonNullable<JsonSchema['properties']>,
): JsonSchema {
  const items = { type: 'object', required, additionalProperties: false, properties } satisfies JsonSchema;
  return { type: 'array', items, description, examples: [[]] };
}

/** Schemas of the expectations of a case. Each section is compared exactly; an absent section is not compared. */
export const expectationSchemas = {
  windows: list('Every window that closes; for each key in order.', ['from', 'to'], {
    ...whose,
    from: instant('Start of the window.'),
    to: instant('End of the window.'),
    facts: facts('Every fact of the rule; null for a fact without a value. Default: not compared.'),
    closed: instant('When the record that closes it arrives. Default: not compared.'),
  }),
  facts: list('Every result of views; for each key in order.', ['at', 'facts'], {
    ...whose,
    at: instant('End of its window, or the timestamp of its reading.'),
    from: instant('Start of its window.'),
    facts: facts('Every fact of the view; null for a fact without a value.'),
  }),
  alerts: list('Every change of an alert; for each key in order. Absent keys are not compared.', ['at', 'to'], {
    at: instant('When it changes, by the timestamps of the readings.'),
    to: oneOf('The new state.', STATES),
    ...whose,
    from: oneOf('The previous state.', STATES),
    severity,
    previousSeverity: { ...severity, description: 'The previous severity.' },
    since: instant('When its conditions began to hold.'),
    recorded: instant('When the record that causes it arrives.'),
    message,
    reason: text('Why it ended, if not by an evaluation.', 'gap'),
    suppressed: text('Why it is not published.', 'limit'),
    facts: facts('The facts to compare; null for a fact without a value.'),
    evidence: {
      type: 'object',
      required: ['from', 'to'],
      additionalProperties: false,
      properties: {
        from: instant('Timestamp of the earliest reading.'),
        to: instant('Timestamp of the latest reading.'),
      },
      description: 'The readings that caused it.',
      examples: [{ from: '0s', to: '9s' }],
    },
  }),
  events: list(
    'Every published event of an alert; for each key in order. Absent keys are not compared.',
    ['at', 'type'],
    {
      at: instant('Time of the event.'),
      type: oneOf('Type of the event.', ['firing', 'resolved', 'repeat', 'flapping', 'limited']),
      ...whose,
      severity,
      message,
      reason: text('Why it was published, if not because of an evaluation.', 'stable'),
      told: count('For `limited`: number of alerts that were published.'),
      heldBack: count('For `limited`: number of alerts that were suppressed.'),
      keys: {
        type: 'array',
        items: text('A key.', 'd2'),
        description: 'For `limited`: keys of the suppressed alerts.',
        examples: [['d2']],
      },
    },
  ),
  devices: list('Every change of a device; for each device in order.', ['at', 'to'], {
    at: instant('When it changes, by the clock of Weir.'),
    device,
    to: oneOf('The new state.', ['online', 'offline']),
    reason: oneOf('Why the state changed.', ['first-reading', 'reading', 'status', 'silence', 'last-will']),
  }),
  late: list('Every reading that was too late for all of its windows.', ['at'], {
    at: instant('Its timestamp.'),
    device,
  }),
  rejected: list('Every message or reading that was rejected.', ['at', 'reason'], {
    at: instant('When it arrives.'),
    reason: text('The reason.', 'wrong-type'),
  }),
} satisfies Record<string, JsonSchema>;
