import { type AggregateName, aggregates } from '../aggregates/registry.ts';
import type { JsonSchema } from '../model/json-schema.ts';
import { durationOrZeroSchema, durationSchema } from '../model/schema-values.ts';
import { conditionSchema, topConditionSchema } from './schema-conditions.ts';

const name = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  examples: ['temp'],
} satisfies JsonSchema;

const SUMS_UP: Readonly<Record<AggregateName, string>> = {
  count: 'Number of readings; with a field, of those that have it.',
  sum: 'Sum of the field.',
  mean: 'Mean of the field.',
  min: 'Smallest value of the field.',
  max: 'Largest value of the field.',
  range: 'Largest less smallest value of the field.',
  first: 'Earliest value of the field.',
  last: 'Latest value of the field.',
  stddev: 'Standard deviation of the field.',
};

function aggregateSchema(aggregate: AggregateName): JsonSchema {
  const description = SUMS_UP[aggregate];
  if (!aggregates[aggregate].accepts.includes('none')) return { ...name, title: 'the name of a field', description };
  const all = { title: 'true', type: 'boolean', enum: [true] } satisfies JsonSchema;
  return { title: 'true or the name of a field', description, anyOf: [all, name], examples: [true] };
}

const fact = {
  title: 'one aggregate {"mean": "temp"}',
  type: 'object',
  minProperties: 1,
  maxProperties: 1,
  additionalProperties: false,
  properties: Object.fromEntries(
    (Object.keys(aggregates) as AggregateName[]).map((key) => [key, aggregateSchema(key)]),
  ),
  description: 'One aggregate and the field that it sums up.',
  examples: [{ mean: 'temp' }],
} satisfies JsonSchema;

const lateness = { ...durationOrZeroSchema, description: 'How long a window waits for late readings.', default: '0s' };

const windowSchema = {
  title: '{"tumbling": …} or {"hopping": …, "every": …}',
  description: 'Time spans that readings are summed up over. Without it, conditions look at single readings.',
  anyOf: [
    {
      title: '{"tumbling": …}',
      type: 'object',
      description: 'One window after the other.',
      required: ['tumbling'],
      additionalProperties: false,
      properties: { tumbling: { ...durationSchema, description: 'Length of each window.' }, lateness },
    },
    {
      title: '{"hopping": …, "every": …}',
      type: 'object',
      description: 'Windows that overlap: of this length, one beginning every so often.',
      required: ['hopping', 'every'],
      additionalProperties: false,
      properties: {
        hopping: { ...durationSchema, description: 'Length of each window; a multiple of `every`.', examples: ['1m'] },
        every: {
          ...durationSchema,
          description: 'Time from the beginning of one window to that of the next.',
          examples: ['10s'],
        },
        lateness,
      },
    },
  ],
  examples: [{ tumbling: '10s' }, { hopping: '1m', every: '10s' }],
} satisfies JsonSchema;

const event = {
  type: 'object',
  description: 'What the alert says.',
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: {
      type: 'string',
      minLength: 1,
      maxLength: 128,
      description: 'What kind of event it is.',
      examples: ['overheating'],
    },
    params: {
      type: 'object',
      description: 'Severity, message, and whatever else the receiver of the alert should get.',
      properties: {
        severity: {
          type: 'string',
          enum: ['info', 'warning', 'critical'],
          description: 'How bad it is.',
          default: 'warning',
        },
        message: {
          type: 'string',
          minLength: 1,
          maxLength: 1_000,
          description: 'Sentence for people. {{name}} stands for a fact, a field, a label, device or key.',
          examples: ['{{device}} averages {{meanTemp}} °C'],
        },
      },
      examples: [{ severity: 'critical', message: '{{device}} averages {{meanTemp}} °C' }],
    },
  },
  examples: [{ type: 'overheating', params: { severity: 'critical' } }],
} satisfies JsonSchema;

/** JSON Schema of a rule file; the single source of `rules/rule.schema.json`. */
export const ruleSchema: JsonSchema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'a rule { … }',
  description:
    'When to raise an alert. Either `conditions`, over single readings or over the facts of a window, or `silence`.',
  type: 'object',
  required: ['name', 'stream', 'event'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string', description: 'This schema, for editors.', examples: ['./rule.schema.json'] },
    name: {
      title: 'a rule name',
      type: 'string',
      maxLength: 128,
      pattern: '^[A-Za-z0-9_-]+$',
      patternErrorMessage: 'Use letters, digits, _ and -.',
      description: 'Name of the rule; no two rules share one.',
      examples: ['overheating'],
    },
    description: { type: 'string', description: 'What the rule is for, in a sentence for people.' },
    stream: { type: 'string', minLength: 1, description: 'Name of a stream of the config.', examples: ['sensors'] },
    per: {
      type: 'array',
      maxItems: 16,
      uniqueItems: true,
      items: { ...name, description: '`device`, or a label of the stream.', examples: ['device'] },
      description: 'What readings are grouped by: labels, or `device`. An empty list is the whole stream.',
      default: ['device'],
    },
    where: { ...topConditionSchema, description: 'Looks only at readings for which this holds.' },
    window: windowSchema,
    facts: {
      type: 'object',
      minProperties: 1,
      additionalProperties: fact,
      description: 'What is computed for each window: a name, one aggregate and its field.',
      examples: [{ meanTemp: { mean: 'temp' }, n: { count: true } }],
    },
    conditions: {
      ...topConditionSchema,
      description: 'When to raise the alert: over the facts of the window, or else the fields of each reading.',
    },
    silence: {
      ...durationSchema,
      description:
        'Raises the alert when nothing has come for this long. In place of window, facts, conditions, clear and where.',
      examples: ['60s'],
    },
    for: {
      ...durationSchema,
      description: 'How long the conditions must hold before the alert is raised. Default: at once.',
    },
    clear: {
      ...topConditionSchema,
      description: 'When the alert may resolve. Default: when its conditions no longer hold.',
    },
    keepFiring: {
      ...durationSchema,
      description: 'How long it must be calm before the alert resolves. Default: at once.',
    },
    event,
    priority: { type: 'integer', minimum: 1, description: 'Rules of a higher one are looked at first.', default: 1 },
  },
  definitions: { condition: conditionSchema },
};
