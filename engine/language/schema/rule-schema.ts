import { durationSchema } from '../../document/schema-values.ts';
import type { JsonSchema } from '../../model/json-schema.ts';
import { conditionSchema, topConditionSchema } from './schema-conditions.ts';
import { operandSchema } from './schema-derived.ts';
import { factSchema } from './schema-facts.ts';
import { lifecycleSchemas } from './schema-lifecycle.ts';
import { sequenceLatenessSchema, sequenceSchema } from './schema-sequence.ts';
import { windowSchema } from './schema-window.ts';
import { withSchema } from './schema-with.ts';

const name = {
  type: 'string',
  minLength: 1,
  maxLength: 128,
  examples: ['temp'],
} satisfies JsonSchema;

const event = {
  type: 'object',
  description:
    'What the alert says. Without it the rule is a view: its facts are published and stored, and are a stream of its name for other rules.',
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
          description:
            'Sentence for people. {{name}} stands for a fact, a field, a label, device, key or severity, and {{name.unit}} for its unit.',
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
    'When to raise an alert: `conditions`, over single readings or over the facts of a window, or `silence`, or a `sequence`. Without `event`, a view of `facts`.',
  type: 'object',
  required: ['name', 'stream'],
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
    stream: {
      type: 'string',
      minLength: 1,
      description: 'Name of a stream of the config, or of a view: a rule without `event`.',
      examples: ['sensors'],
    },
    with: withSchema,
    per: {
      type: 'array',
      maxItems: 16,
      uniqueItems: true,
      items: { ...name, description: '`device`, or a label of the stream.', examples: ['device'] },
      description:
        "What readings are grouped by: labels, or `device`. An empty list is the whole stream. Over a view, by default what the view's are.",
      default: ['device'],
    },
    where: { ...topConditionSchema, description: 'Looks only at readings for which this holds.' },
    window: windowSchema,
    sequence: sequenceSchema,
    lateness: sequenceLatenessSchema,
    facts: {
      type: 'object',
      minProperties: 1,
      maxProperties: 64,
      additionalProperties: factSchema,
      description: 'What is worked out for each window or, without one, for each reading: names, each with how.',
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
    levels: lifecycleSchemas.levels,
    for: lifecycleSchemas.for,
    clear: {
      ...topConditionSchema,
      description: 'When the alert may resolve. Default: when its conditions no longer hold.',
    },
    keepFiring: {
      ...durationSchema,
      description: 'How long it must be calm before the alert resolves. Default: at once.',
    },
    resolveAfter: lifecycleSchemas.resolveAfter,
    repeat: lifecycleSchemas.repeat,
    flapping: lifecycleSchemas.flapping,
    limit: lifecycleSchemas.limit,
    active: lifecycleSchemas.active,
    event,
    missing: {
      type: 'string',
      enum: ['unknown', 'undefined'],
      description:
        'What comparing a fact without a value comes to. `unknown` decides nothing; `undefined` is what json-rules-engine makes of it: `notEqual` and `notIn` hold, others do not.',
      default: 'unknown',
    },
    order: {
      type: 'string',
      enum: ['event', 'arrival'],
      description:
        'Of a rule over single readings: `event` passes over a reading that is older than one judged before, `arrival` judges every reading when it comes.',
      default: 'event',
    },
    priority: { type: 'integer', minimum: 1, description: 'Rules of a higher one are looked at first.', default: 1 },
  },
  definitions: { condition: conditionSchema, operand: operandSchema },
};
